import { readFile } from "node:fs/promises";
import { AppError } from "../errors.ts";
import type { Output } from "../template/render-files.ts";
import type { CommandOptions } from "./command-options.ts";
import { openSession, openStore } from "./open-session.ts";
import { renderOnce } from "./render-once.ts";

/** Prints what would be written, or how it differs from what is there. Returns the exit code. */
export async function render(options: CommandOptions): Promise<number> {
  const { loaded, log, proxies } = await openSession(options);
  const ending = new AbortController();
  try {
    const store = await openStore(loaded.config, { log, signal: ending.signal });
    for (const proxy of proxies) {
      const { outputs } = await renderOnce(proxy, { config: loaded.config, store, log });
      for (const output of outputs) {
        process.stdout.write(options.diff === true ? await diffOf(output) : textOf(output));
      }
    }
    return 0;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
    process.stderr.write(`${error.message}\n  ${error.hint}.\n`);
    return 1;
  } finally {
    ending.abort(new Error("done"));
  }
}

const textOf = ({ path, text }: Output): string =>
  `==> ${path} <==\n${text}${text.endsWith("\n") ? "" : "\n"}`;

/** Empty when the live file has the same bytes. */
async function diffOf({ path, text }: Output): Promise<string> {
  const live = await readFile(path, "utf8").catch(() => undefined);
  if (live === text) return "";
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import("diff");
  const [before, beforeLabel] = live === undefined ? ["/dev/null", "absent"] : [path, "live"];
  return createTwoFilesPatch(before, path, live ?? "", text, beforeLabel, "rendered", {
    headerOptions: FILE_HEADERS_ONLY,
  });
}
