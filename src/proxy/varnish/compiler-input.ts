import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { AppError } from "../../errors.ts";
import type { LivePaths } from "../live-paths.ts";

/** The file to compile for a candidate. */
export interface CompilerInput {
  readonly main: string;
  readonly livePaths: LivePaths;
}

/**
 * Finds the main VCL: the first of the candidate's VCL files. The main VCL may include the other files. Where there are
 * others, all are copied to an empty directory, with the same lines, and the copies include each other in place of the
 * live files.
 *
 * @throws {AppError} CHECK_UNAVAILABLE when the candidate has no VCL
 */
export async function openCompilerInput(
  { files }: Candidate,
  open: () => Promise<string>,
): Promise<CompilerInput> {
  const vcls = files.filter(({ format }) => format === "vcl");
  const [main] = vcls;
  if (main === undefined) {
    throw new AppError("CHECK_UNAVAILABLE", "Cannot check as the proxy has no VCL file", {
      hint: "Give the proxy's first file entry a template that makes VCL",
    });
  }
  if (files.length === 1) {
    return {
      main: main.stagedPath,
      livePaths: new Map([[main.stagedPath, main.path]]),
    };
  }
  const directory = await open();
  const copies = [main, ...files.filter((file) => file !== main)].map(({ path, text }, i) => ({
    path,
    text,
    copy: join(directory, `${i}-${basename(path)}`),
  }));
  for (const { text, copy } of copies) {
    await writeFile(copy, withIncludes(text, copies), { mode: 0o644 });
  }
  return {
    main: copies[0]?.copy ?? main.stagedPath,
    livePaths: new Map(copies.map(({ copy, path }) => [copy, path])),
  };
}

function withIncludes(
  text: string,
  copies: readonly { readonly path: string; readonly copy: string }[],
): string {
  return text.replace(
    /(\binclude\s+")([^"\n]*)(")/g,
    (match, before: string, path: string, after: string) => {
      const copy = copies.find((it) => it.path === path)?.copy;
      return copy === undefined ? match : `${before}${copy}${after}`;
    },
  );
}
