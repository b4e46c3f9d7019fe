import type { PartFault } from "../../apply/quarantine/quarantine.ts";
import { partName } from "../../catalog/part.ts";
import type { AppError } from "../../errors.ts";
import type { RouteProblem } from "../../route/route.ts";
import type { Template } from "../../template/compile/load-template.ts";

/** One finding of `fairlead check`. Only errors fail the check. */
export interface CheckFinding {
  readonly level: "error" | "warning" | "note";
  /** The subject of the finding. */
  readonly about:
    | "template"
    | "service"
    | "node"
    | "key"
    | "answer"
    | "route"
    | "check"
    | "raw output";
  /** What was found and where: in a template as file:line:column, with the line itself. */
  readonly text: string;
  /** The next step. */
  readonly hint?: string;
  readonly service?: string;
  readonly instance?: string;
  readonly node?: string;
  readonly datacenter?: string;
  readonly key?: string;
  readonly query?: string;
  /** The entry at fault, such as `meta title="x"`. */
  readonly field?: string;
}

/** An error and all errors found with it, as findings. */
export const errorFindings = (error: AppError): readonly CheckFinding[] =>
  [error, ...error.also].map(({ code, message, hint }) => ({
    level: "error",
    about: code === "TEMPLATE" ? "template" : "check",
    text: message,
    hint,
  }));

/** A part of the catalog that would be left out. */
export function leftOutFinding({ part, reason, hint, field }: PartFault): CheckFinding {
  const which = field === undefined ? "" : `, ${field}`;
  const text = `${partName(part)}${which} would be left out: ${reason}`;
  const about = part.kind === "instance" ? "service" : part.kind;
  const { kind: _, ...named } = part;
  return { level: "error", about, text, hint, ...named, ...(field === undefined ? {} : { field }) };
}

/** An entry of a route that cannot be used. */
export function routeFinding({ subject, reason, ...from }: RouteProblem): CheckFinding {
  const { service, instance, node } = from;
  const text = `service "${service}", instance "${instance}" on ${node}: ${subject}: ${reason}`;
  return { level: "warning", about: "route", text, ...from, field: subject };
}

/** Where templates write values without escaping them. */
export function rawFindings({ raw, sources }: Template): readonly CheckFinding[] {
  return raw.map(({ place, isSnippet }) => {
    const what = isSnippet
      ? "this value may add complete statements (snippet)"
      : "this value is written without escaping";
    const file = place?.file ?? sources.file;
    const line = sources.texts.get(file)?.split("\n")[(place?.line ?? 0) - 1]?.trim() ?? "";
    const where = `${file}:${place?.line}:${place?.column}`;
    return { level: "note", about: "raw output", text: `${where}: ${what}: ${line}` };
  });
}
