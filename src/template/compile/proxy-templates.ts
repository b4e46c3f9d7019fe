import type { FileFormat } from "../../config/file-format.ts";
import { type FileConfig, kindSettings, type ProxyConfig } from "../../config/proxy-schema.ts";
import { AppError, joinErrors } from "../../errors.ts";
import { loadPartials } from "./load-partials.ts";
import { compileTemplate, loadTemplate, type Template } from "./load-template.ts";

/** One file entry of a proxy with its compiled templates. */
export interface FileTemplate {
  readonly entry: FileConfig;
  readonly format: FileFormat;
  readonly content: Template;
  /** Gives the output's path; only with `each` does it differ from item to item. */
  readonly path: Template | undefined;
  /** It reads `part`: it can be rendered as several files that a proxy loads one by one. */
  readonly hasParts?: boolean;
}

const READS_PART = /\bpart\.(kind|routes|labels)\b/;

/** A proxy's templates as far as they can be loaded. */
export interface LoadedTemplates {
  readonly templates: readonly FileTemplate[];
  /** One for each file entry that cannot be used, with all of its faults. */
  readonly errors: readonly AppError[];
}

/**
 * Loads all templates of a proxy.
 *
 * @param partialsDirectory the config's `partials`
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself, and so all further faults
 */
export async function loadProxyTemplates(
  proxy: ProxyConfig,
  partialsDirectory: string | undefined,
): Promise<readonly FileTemplate[]> {
  const { templates, errors } = await loadTemplates(proxy, await loadPartials(partialsDirectory));
  if (errors.length > 0) throw joinErrors(errors);
  return templates;
}

/** Loads those templates of a proxy that have no faults. */
export async function loadTemplates(
  proxy: ProxyConfig,
  partials: ReadonlyMap<string, string>,
): Promise<LoadedTemplates> {
  const templates: FileTemplate[] = [];
  const errors: AppError[] = [];
  for (const entry of proxy.files) {
    try {
      templates.push(await loadFileTemplate(entry, formatOf(entry, proxy), partials));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      errors.push(error);
    }
  }
  return { templates, errors };
}

async function loadFileTemplate(
  entry: FileConfig,
  format: FileTemplate["format"],
  partials: ReadonlyMap<string, string>,
): Promise<FileTemplate> {
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
}

/** How values are escaped in an entry's output. */
export function formatOf(entry: FileConfig, proxy: ProxyConfig): FileFormat {
  return entry.format ?? kindSettings(proxy).defaultFormat;
}
