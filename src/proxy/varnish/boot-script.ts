import { readFile } from "node:fs/promises";

/**
 * The commands that load a template with parts: `varnishd -I` reads this file at its start, and Fairlead follows its
 * steps for what is not loaded yet. Source: Varnish documentation, varnishd(1), "CLI Command File".
 */
export interface BootScript {
  /** In the order of the file. A name stands for one text: a VCL with that name is not loaded again. */
  readonly loads: readonly { readonly name: string; readonly path: string }[];
  /** Names of VCLs by label. */
  readonly labels: ReadonlyMap<string, string>;
  /** The VCL that becomes active. */
  readonly top: string;
}

const ENDING = ".cli";

/** The boot script among a generation's files; `undefined` when the generation is a single VCL. */
export async function readBootScript(paths: readonly string[]): Promise<BootScript | undefined> {
  const path = paths.find(isBootScript);
  return path === undefined ? undefined : parseBootScript(await readFile(path, "utf8"));
}

export const isBootScript = (path: string): boolean => path.endsWith(ENDING);

/** Reads `vcl.load NAME PATH`, `vcl.label LABEL NAME` and `vcl.use NAME`, one a line. */
export function parseBootScript(text: string): BootScript {
  const lines = text.split("\n").map(words);
  const of = (command: string) => lines.filter(([first]) => first === command);
  return {
    loads: of("vcl.load").map(([, name = "", path = ""]) => ({ name, path })),
    labels: new Map(of("vcl.label").map(([, label = "", name = ""]) => [label, name])),
    top: of("vcl.use").at(-1)?.[1] ?? "",
  };
}

const words = (line: string): readonly string[] =>
  [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, bare]) => quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "",
  );
