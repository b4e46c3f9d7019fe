import { createHash } from "node:crypto";
import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { DEFAULT_ROUTES } from "../../config/routes-schema.ts";
import { AppError } from "../../errors.ts";
import type { RouteProblem } from "../../route/route.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { GENERATION_MARK } from "../helpers/routes.ts";
import { templateError } from "../template-error.ts";
import { findShapeFault } from "./check-shape.ts";
import { createRenderContext, type RenderContext } from "./render-context.ts";
import { type Draft, type Output, type RenderProxyOptions, renderFiles } from "./render-files.ts";

/** A proxy's files, rendered from one snapshot. */
export interface Rendered {
  readonly kind: "rendered";
  /** Twelve hexadecimal digits of a hash over paths and bytes. */
  readonly id: string;
  /** In the config's order. */
  readonly outputs: readonly Output[];
  readonly asked: ReadonlyMap<string, Query>;
  readonly problems: readonly RouteProblem[];
  /** Queries whose answer is empty, in place of which the files have what was in force. */
  readonly removed: ReadonlyMap<string, Query>;
}

/** Answers are missing: never a partial file. */
export interface Waiting {
  readonly kind: "waiting";
  readonly asked: ReadonlyMap<string, Query>;
  readonly missing: ReadonlyMap<string, Query>;
}

/**
 * Renders all files of a proxy. Pure: the same snapshot gives the same bytes.
 *
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself
 */
export function renderProxy(
  templates: readonly FileTemplate[],
  snapshot: Snapshot,
  options: RenderProxyOptions,
): Rendered | Waiting {
  const {
    environment = {},
    routesConfig = DEFAULT_ROUTES,
    leftOut = new Set(),
    memory,
    asked,
  } = options;
  const fragments = memory?.begin();
  const context = createRenderContext(snapshot, {
    environment,
    routesConfig,
    leftOut,
    fragments,
    asked,
  });
  const drafts = renderFiles(templates, context, options);
  if (context.missing.size > 0) {
    return { kind: "waiting", asked: context.asked, missing: context.missing };
  }
  fragments?.keep(context.routes);
  refuseRepeatedPaths(drafts);
  refuseOtherShape(templates, drafts, context, options);
  const id = idOf(drafts);
  return {
    kind: "rendered",
    id,
    outputs: drafts.map(({ path, text, format, mode }) => ({
      path,
      text: text.replaceAll(GENERATION_MARK, id),
      format,
      mode,
    })),
    asked: context.asked,
    problems: context.routes?.table.problems ?? [],
    removed: context.removed,
  };
}

function refuseRepeatedPaths(outputs: readonly Draft[]): void {
  const seen = new Set<string>();
  for (const { path } of outputs) {
    if (seen.has(path)) {
      throw new RepeatedPathError(path);
    }
    seen.add(path);
  }
}

/**
 * Escaping holds values within their places. What is written without it must not bring statements of its
 * own either: the statements are those of the same render with a placeholder for each value.
 */
function refuseOtherShape(
  templates: readonly FileTemplate[],
  drafts: readonly Draft[],
  { snapshot, environment, routesConfig, leftOut }: RenderContext,
  options: RenderProxyOptions,
): void {
  if (!templates.some(({ content }) => content.raw.length > 0)) return;
  const context = createRenderContext(snapshot, {
    environment,
    routesConfig,
    leftOut,
    isShapeOnly: true,
  });
  const shapes = renderFiles(templates, context, options);
  for (const [i, { text, format, path, template }] of drafts.entries()) {
    const raw = template.content.raw.find(({ isSnippet }) => !isSnippet) ?? template.content.raw[0];
    if (raw === undefined || format === "text") continue;
    const fault = findShapeFault(text, shapes[i]?.text ?? "", format);
    if (fault === undefined) continue;
    throw new ShapeError(
      { path, line: fault.line },
      templateError(
        {
          message: `a value written without escaping brings statements with it: "${fault.statement}" in line ${fault.line} of "${path}"`,
          hint: "Write it with {{…}}; where whole statements are meant to come, say so with {{snippet x}}",
          place: raw.place,
        },
        template.content.sources,
      ),
    );
  }
}

/** Two outputs have one path. */
export class RepeatedPathError extends AppError {
  readonly path: string;

  constructor(path: string) {
    super("TEMPLATE", `Cannot write "${path}" as two outputs claim it`, {
      hint: "Let the path of the entry with `each` tell its items apart, such as {{name}}.conf",
    });
    this.path = path;
  }
}

/** A value changed the statements of a file. */
export class ShapeError extends AppError {
  /** Where in the rendered files. */
  readonly at: { readonly path: string; readonly line: number };

  constructor(at: ShapeError["at"], error: AppError) {
    super(error.code, error.message, { hint: error.hint });
    this.at = at;
  }
}

/** Whether these files are what was rendered under an id, byte for byte. */
export function isRenderOf(id: string, outputs: readonly Output[]): boolean {
  const marked = outputs.map((it) => ({ ...it, text: it.text.replaceAll(id, GENERATION_MARK) }));
  return idOf(marked) === id;
}

/** The id of files, as a render that gives them has it. */
export const generationId = (outputs: readonly Output[]): string => idOf(outputs);

function idOf(outputs: readonly Output[]): string {
  const hash = createHash("sha256");
  for (const { path, text, mode } of outputs) {
    hash.update(JSON.stringify([path, mode, text.length])).update(text);
  }
  return hash.digest("hex").slice(0, 12);
}
