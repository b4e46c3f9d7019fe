import type { Output } from "../template/render/render-files.ts";

/** A unified diff from one generation's files to another's, as `git apply` would read it. */
export async function diffOf(before: readonly Output[], after: readonly Output[]): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const paths = [...new Set([...before, ...after].map(({ path }) => path))];
  const textIn = (outputs: readonly Output[], path: string) =>
    outputs.find((it) => it.path === path)?.text;
  return paths
    .map((path) => {
      const [was, is] = [textIn(before, path), textIn(after, path)];
      if (was === is) return "";
      const name = (text: string | undefined) => (text === undefined ? "/dev/null" : path);
      return createTwoFilesPatch(name(was), name(is), was ?? "", is ?? "", undefined, undefined, {
        headerOptions: FILE_HEADERS_ONLY,
      });
    })
    .join("");
}
