import { extname } from "node:path";
import type { FileConfig } from "../../config/proxy-schema.ts";

/** Whether a file entry of the config may write there. With `each`, what stands before its path's first expression is fixed. */
export function isOutputOf({ path, each }: FileConfig, written: string): boolean {
  if (each === undefined) return written === path || isPartOf(path, written);
  const fixed = path.slice(
    0,
    Math.max(path.indexOf("{{"), path.lastIndexOf("/", path.indexOf("{{")) + 1),
  );
  return written.startsWith(fixed) && !written.slice(fixed.length).includes("/");
}

/** Of a template that is split into parts: `services.g07.vcl` and `services.cli` beside `services.vcl`. */
function isPartOf(path: string, written: string): boolean {
  const ending = extname(path);
  const stem = `${path.slice(0, path.length - ending.length)}.`;
  if (!written.startsWith(stem)) return false;
  const rest = written.slice(stem.length);
  if (rest === "cli") return true;
  return (
    rest.endsWith(ending) &&
    /^(g\d\d|top|generation)$/.test(rest.slice(0, rest.length - ending.length))
  );
}
