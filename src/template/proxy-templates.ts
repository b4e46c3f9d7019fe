import type { FileConfig, ProxyConfig } from "../config/proxy-schema.ts";
import { loadPartials } from "./load-partials.ts";
import { compileTemplate, loadTemplate, type Template } from "./load-template.ts";
import type { Format } from "./written-text.ts";

/** One file entry of a proxy with its compiled templates. */
export interface FileTemplate {
  readonly entry: FileConfig;
  readonly format: "nginx" | "vcl" | "text";
  readonly content: Template;
  /** Gives the output's path; only with `each` does it differ from item to item. */
  readonly path: Template | undefined;
}

/**
 * Loads all templates of a proxy.
 *
 * @param partialsDirectory the config's `partials`
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself
 */
export async function loadProxyTemplates(
  proxy: ProxyConfig,
  partialsDirectory: string | undefined,
): Promise<readonly FileTemplate[]> {
  const partials = await loadPartials(partialsDirectory);
  return await Promise.all(
    proxy.files.map(async (entry) => {
      const format = formatOf(entry, proxy);
      return {
        entry,
        format,
        content: await loadTemplate(entry.template, { format, partials }),
        path:
          entry.each === undefined
            ? undefined
            : compileTemplate(entry.path, { file: `path "${entry.path}"`, format: "path" }),
      };
    }),
  );
}

function formatOf(entry: FileConfig, proxy: ProxyConfig): Exclude<Format, "path"> {
  return entry.format ?? (proxy.kind === "nginx" ? "nginx" : "vcl");
}
