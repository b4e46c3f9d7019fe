import { createHash } from "node:crypto";
import type { Query } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import type { RouteProblem } from "../route/route.ts";
import { GENERATION_MARK, routes } from "./catalog-helpers.ts";
import type { FileTemplate } from "./proxy-templates.ts";
import { ask, createRenderContext, type RenderContext } from "./render-context.ts";

/** One rendered file. */
export interface Output {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly format: "nginx" | "vcl" | "text";
  /** Permission bits. */
  readonly mode: number;
}

/** A proxy's files, rendered from one snapshot. */
export interface Rendered {
  readonly kind: "rendered";
  /** Twelve hexadecimal digits of a hash over paths and bytes. */
  readonly id: string;
  /** In the config's order. */
  readonly outputs: readonly Output[];
  readonly asked: ReadonlyMap<string, Query>;
  readonly problems: readonly RouteProblem[];
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
  { proxy, values }: { readonly proxy: ProxyConfig; readonly values: Config["values"] },
): Rendered | Waiting {
  const context = createRenderContext(snapshot);
  const root = { values, proxy: { name: proxy.name, kind: proxy.kind } };
  const drafts = templates.flatMap((template) => renderFile(template, context, root));
  if (context.missing.size > 0) {
    return { kind: "waiting", asked: context.asked, missing: context.missing };
  }
  refuseRepeatedPaths(drafts);
  const id = idOf(drafts);
  return {
    kind: "rendered",
    id,
    outputs: drafts.map((draft) => ({
      ...draft,
      text: draft.text.replaceAll(GENERATION_MARK, id),
    })),
    asked: context.asked,
    problems: context.routeTable?.problems ?? [],
  };
}

function renderFile(
  template: FileTemplate,
  context: RenderContext,
  root: object,
): readonly Output[] {
  const { entry, format, content, path } = template;
  const mode = Number.parseInt(entry.mode, 8);
  if (path === undefined) {
    return [{ path: entry.path, text: content.render(context, root), format, mode }];
  }
  return itemsOf(entry.each, context).map((item) => {
    const data = { ...root, ...item, item };
    return { path: path.render(context, data), text: content.render(context, data), format, mode };
  });
}

function itemsOf(
  each: "services" | "routes" | undefined,
  context: RenderContext,
): readonly object[] {
  if (each === "routes") return routes(context);
  return ask(context, { kind: "services" }) ?? [];
}

function refuseRepeatedPaths(outputs: readonly Output[]): void {
  const seen = new Set<string>();
  for (const { path } of outputs) {
    if (seen.has(path)) {
      throw new AppError("TEMPLATE", `Cannot write "${path}" as two outputs claim it`, {
        hint: "Let the path of the entry with `each` tell its items apart, such as {{name}}.conf",
      });
    }
    seen.add(path);
  }
}

function idOf(outputs: readonly Output[]): string {
  const hash = createHash("sha256");
  for (const { path, text, mode } of outputs) {
    hash.update(JSON.stringify([path, mode, text.length])).update(text);
  }
  return hash.digest("hex").slice(0, 12);
}
