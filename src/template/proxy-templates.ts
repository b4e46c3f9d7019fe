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
  /** It reads `part`: it can be rendered as several files that a proxy loads one by one. */
  readonly hasParts?: boolean;
}

const READS_PART = /\bpart\.(kind|routes|labels)\b/;

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
      const content = await loadTemplate(entry.template, { format, partials });
      const text = content.sources.texts.get(content.sources.file) ?? "";
      return {
        entry,
        format,
        content,
        hasParts: entry.each === undefined && READS_PART.test(text),
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
