import type { z } from "zod";
import type { ConfigDocument, ConfigFinding } from "./config-document.ts";
import type { ConsulSetting } from "./consul-environment.ts";
import { type JsonSchema, knownKeys } from "./known-keys.ts";
import { nearestName } from "./nearest-name.ts";

const SECRET_KEYS = new Set<PropertyKey>(["token", "auth"]);

/** What a schema's issues are about. */
export interface FindingSubject {
  readonly document: ConfigDocument;
  readonly schema: JsonSchema;
  /** What the file as a whole is called. */
  readonly whole: string;
  /** Settings of the environment, for keys that the file does not have. */
  readonly settings?: readonly ConsulSetting[];
}

/** Turns a schema's issues into findings: position, key, what was expected, and the nearest known key. */
export function toFindings(
  issues: readonly z.core.$ZodIssue[],
  subject: FindingSubject,
): readonly ConfigFinding[] {
  return issues
    .flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => unknownKey(issue.path, key, subject))
        : [unexpected(issue, subject)],
    )
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** One line per finding: `fairlead.yaml:4:3: …`. */
export function formatFindings(file: string, findings: readonly ConfigFinding[]): string {
  return findings
    .map(({ line, column, text }) =>
      line === undefined ? `environment: ${text}` : `${file}:${line}:${column}: ${text}`,
    )
    .join("\n");
}

function unknownKey(
  path: readonly PropertyKey[],
  key: string,
  { document, schema }: FindingSubject,
): ConfigFinding {
  const known = knownKeys(schema, path, document.data);
  const nearest = nearestName(key, known);
  const next =
    nearest === undefined
      ? `expected one of ${known.join(", ")}`
      : `did you mean "${nearest}"? (known keys: ${known.join(", ")})`;
  return {
    ...document.positionOfKey([...path, key]),
    text: `unknown key "${keyText([...path, key])}": ${next}`,
  };
}

function unexpected(
  issue: z.core.$ZodIssue,
  { document, whole, settings = [] }: FindingSubject,
): ConfigFinding {
  const setting = settings.find(({ path }) => ["consul", ...path].join() === issue.path.join());
  const written = document.writtenAt(issue.path);
  if (setting !== undefined && written === undefined) {
    return { text: `${setting.variable}: expected ${issue.message}` };
  }
  const secret = issue.path.some((step) => SECRET_KEYS.has(step));
  const got = written === undefined || secret ? "" : `, got ${written}`;
  const missing = isMissing(issue.path, document.data) ? ", but it is missing" : got;
  return {
    ...document.positionOf(issue.path),
    text: `${keyText(issue.path) || whole}: expected ${issue.message}${missing}`,
  };
}

function isMissing(path: readonly PropertyKey[], data: unknown): boolean {
  let value = data;
  for (const step of path)
    value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value === undefined;
}

/** `proxies[0].files[1].path`. */
const keyText = (path: readonly PropertyKey[]): string =>
  path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
    .join("")
    .replace(/^\./, "");
