import type { FileConfig, ProxyConfig } from "../config/proxy-schema.ts";
import type { Config } from "../config/schema.ts";
import { keyEntries } from "./helpers/keys.ts";
import { routes } from "./helpers/routes.ts";
import type { FileTemplate } from "./proxy-templates.ts";
import { ask, type RenderContext } from "./render-context.ts";
import { type GroupsSetting, renderParts } from "./render-parts.ts";
import { withoutMarks } from "./trace.ts";

/** One rendered file. */
export interface Output {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly format: "nginx" | "vcl" | "text";
  /** Permission bits. */
  readonly mode: number;
}

/** What a proxy is rendered with, beside templates and snapshot. */
export interface RenderProxyOptions {
  readonly proxy: ProxyConfig;
  readonly values: Config["values"];
  /** Environment variables that templates may read; none when absent. */
  readonly environment?: Config["environment"];
  /** Services to leave out as if they were not registered. */
  readonly leftOut?: ReadonlySet<string>;
}

/** A rendered file that does not know its generation's id yet. */
export interface Draft extends Output {
  readonly template: FileTemplate;
}

/**
 * Renders each file of a proxy, in the config's order.
 *
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself
 */
export function renderFiles(
  templates: readonly FileTemplate[],
  context: RenderContext,
  { proxy, values }: RenderProxyOptions,
): readonly Draft[] {
  const root = { values, proxy: { name: proxy.name, kind: proxy.kind } };
  const groups = proxy.kind === "varnish" ? proxy.groups : "off";
  return templates.flatMap((template) => renderFile(template, context, { root, groups }));
}

function renderFile(
  template: FileTemplate,
  context: RenderContext,
  { root, groups }: { readonly root: object; readonly groups: GroupsSetting },
): readonly Draft[] {
  const { entry, format, content, path } = template;
  const mode = Number.parseInt(entry.mode, 8);
  if (template.hasParts === true) {
    const pieces = renderParts(template, { context, root, groups });
    return pieces.map((piece) => ({ ...piece, mode, template }));
  }
  if (path === undefined) {
    return [{ path: entry.path, text: content.render(context, root), format, mode, template }];
  }
  return itemsOf(entry.each, context).map((item) => {
    const data = { ...root, ...item, item };
    const render = (): Draft => ({
      path: withoutMarks(path.render(context, data)),
      text: content.render(context, data),
      format,
      mode,
      template,
    });
    return context.trace === undefined ? render() : context.trace.about(item, render);
  });
}

function itemsOf(each: FileConfig["each"], context: RenderContext): readonly object[] {
  if (each === "routes") return routes(context);
  if (typeof each === "object") return keyEntries(context, each.keys);
  return ask(context, { kind: "services" }) ?? [];
}
