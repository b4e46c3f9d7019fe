import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { DiffSide } from "../../cases/compare-outputs.ts";
import type { StyleName, TerminalStyle } from "./terminal-style.ts";

const HEADER_LINES = 2;

/** A unified diff, as `diff -u` and `patch` know it. Empty when both sides are the same. */
export function unifiedDiff(before: DiffSide, after: DiffSide, style: TerminalStyle): string {
  if (before.text === after.text) return "";
  const [from, to] = [named(before), named(after)];
  const patch = createTwoFilesPatch(
    from.path,
    to.path,
    before.text ?? "",
    after.text ?? "",
    from.label,
    to.label,
    { headerOptions: FILE_HEADERS_ONLY },
  );
  return patch
    .split("\n")
    .map((line, i) => styled(line, i < HEADER_LINES ? "place" : styleNameOf(line), style))
    .join("\n");
}

const named = ({
  path,
  label,
  text,
}: DiffSide): { readonly path: string; readonly label: string } =>
  text === undefined ? { path: "/dev/null", label: "absent" } : { path, label };

const styled = (line: string, name: StyleName | undefined, style: TerminalStyle): string =>
  name === undefined ? line : style(name, line);

function styleNameOf(line: string): StyleName | undefined {
  if (line.startsWith("@@")) return "note";
  if (line.startsWith("+")) return "added";
  if (line.startsWith("-")) return "removed";
  return line.startsWith("\\") ? "dim" : undefined;
}
