import type { Query } from "../../catalog/query.ts";
import type { FileFormat } from "../../config/file-format.ts";
import type { FileConfig, ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import type { Template } from "../compile/load-template.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { keyEntries } from "../helpers/keys.ts";
import { withoutMarks } from "../provenance/marks.ts";
import type { FragmentMemory } from "./fragments.ts";
import { ask, type RenderContext } from "./render-context.ts";
import { type GroupsSetting, renderParts } from "./render-parts.ts";
import { routes } from "./render-routes.ts";
import { reuse } from "./reuse.ts";

/** One rendered file. */
export interface Output {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly format: FileFormat;
  /** Permission bits. */
  readonly mode: number;
}

/** What a proxy is rendered with, beside templates and snapshot. */
export interface RenderProxyOptions {
  readonly proxy: ProxyConfig;
  readonly values: Config["values"];
  /** Environment variables that templates may read; none when absent. */
  readonly environment?: Config["environment"];
  /** Which instances serve the routes. */
  readonly routesConfig?: Config["routes"];
  /** Services to leave out as if they were not registered. */
  readonly leftOut?: ReadonlySet<string>;
  /** Where the queries that are asked are noted, by canonical text, also where the render fails. */
  readonly asked?: Map<string, Query>;
  /** Where renders of the same templates keep what the next one may use again. */
  readonly memory?: FragmentMemory;
}

/** A rendered file that does not know its generation's id yet. */
export interface Draft extends Output {
  readonly template: FileTemplate;
  /** What it is the output of, of an entry with `each`. */
  readonly item?: object;
}

/** What a template sees at its top. */
interface Root {
  readonly values: Config["values"];
  readonly proxy: Pick<ProxyConfig, "name" | "kind">;
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
  const root: Root = { values, proxy: { name: proxy.name, kind: proxy.kind } };
  const groups = "groups" in proxy ? proxy.groups : "off";
  return templates.flatMap((template) => renderFile(template, context, { root, groups }));
}

function renderFile(
  template: FileTemplate,
  context: RenderContext,
  { root, groups }: { readonly root: Root; readonly groups: GroupsSetting },
): readonly Draft[] {
  const { entry, format, content, path } = template;
  const mode = Number.parseInt(entry.mode, 8);
  if (template.hasParts === true) {
    const pieces = renderParts(template, { context, root, groups });
    return pieces.map((piece) => ({ ...piece, mode, template }));
  }
  if (path === undefined) {
    const text = renderTemplate(content, context, { root });
    return [{ path: entry.path, text, format, mode, template }];
  }
  return itemsOf(entry.each, context).map((item) => {
    const render = (): Draft => ({
      path: withoutMarks(renderTemplate(path, context, { root, item })),
      text: renderTemplate(content, context, { root, item }),
      format,
      mode,
      template,
      item,
    });
    return context.trace === undefined ? render() : context.trace.about(item, render);
  });
}

/** As in the render before, while all that it depends on is the same. */
function renderTemplate(
  template: Template,
  context: RenderContext,
  { root, item }: { readonly root: Root; readonly item?: object },
): string {
  const make = () =>
    template.render(context, item === undefined ? root : { ...root, ...item, item });
  if (context.fragments === undefined || !template.isReusable) return make();
  const { values, proxy } = root;
  const dependencies = [values, proxy.name, proxy.kind, context.environment];
  return reuse(context, context.fragments, {
    maker: template,
    item: item ?? template,
    dependencies: dependencies,
    make,
  });
}

function itemsOf(each: FileConfig["each"], context: RenderContext): readonly object[] {
  if (each === "routes") return routes(context);
  if (typeof each === "object") return keyEntries(context, each.keys);
  return ask(context, { kind: "services" }) ?? [];
}
