import { lstatSync } from "node:fs";
import type { FileConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Output } from "../../template/render/render-files.ts";
import { areInPlace } from "./durable-file.ts";

/**
 * The first output of an entry with `each` that would replace a file which Fairlead did not write: such a path comes from the
 * catalog, and nobody meant that file. A path that the config itself names is meant.
 *
 * @param owns whether Fairlead put the file at a path in place
 */
export function findForeign(
  outputs: readonly Output[],
  {
    files,
    owns,
  }: { readonly files: readonly FileConfig[]; readonly owns: (path: string) => boolean },
): (AppError & { readonly path: string }) | undefined {
  const named = new Set(files.filter(({ each }) => each === undefined).map(({ path }) => path));
  if (named.size === files.length) return undefined;
  const found = outputs.find(
    (it) => !named.has(it.path) && !owns(it.path) && exists(it.path) && !areInPlace([it]),
  );
  return found && new ForeignFileError(found.path);
}

class ForeignFileError extends AppError {
  readonly path: string;

  constructor(path: string) {
    super("TEMPLATE", `Cannot write "${path}" as there is a file that Fairlead did not write`, {
      hint: "Remove it, or give the entry with `each` a directory or a name of its own",
    });
    this.path = path;
  }
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
