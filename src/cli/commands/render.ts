import { readFile } from "node:fs/promises";
import { removedPaths } from "../../apply/state/live-state.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { AppError, formatError } from "../../errors.ts";
import { loadProxyTemplates } from "../../template/compile/proxy-templates.ts";
import type { Output } from "../../template/render/render-files.ts";
import type { Rendered } from "../../template/render/render-proxy.ts";
import { openSession, openStore } from "../daemon/open-session.ts";
import { createTerminalStyle, type TerminalStyle } from "../text/terminal-style.ts";
import type { CommandOptions } from "./command-options.ts";
import { leftOutFinding } from "./finding.ts";
import { untilUsableRendered } from "./until-rendered.ts";

/**
 * Prints the files that would be written, or their diff against the live files. Returns the exit code: 1 when a template
 * fails or something is left out.
 */
export async function render(options: CommandOptions): Promise<number> {
  const { loaded, log, proxies } = await openSession(options);
  const { config } = loaded;
  const ending = new AbortController();
  const style = createTerminalStyle(options.color);
  try {
    const store = await openStore(loaded, { log, signal: ending.signal });
    let exitCode = 0;
    for (const proxy of proxies) {
      const templates = await loadProxyTemplates(proxy, config.partials);
      const { values, environment, routes } = config;
      const from = { values, environment, routes, templates, store, log };
      const { rendered, faults } = await untilUsableRendered(proxy, from);
      const text =
        options.diff === true
          ? await diffOf(rendered, { proxy, state: config.state, style })
          : rendered.outputs.map(textOf).join("");
      process.stdout.write(text);
      for (const { text: fault, hint = "" } of faults.map(leftOutFinding)) {
        process.stderr.write(`${fault}\n  ${hint}.\n`);
        exitCode = 1;
      }
    }
    return exitCode;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
    process.stderr.write(formatError(error));
    return 1;
  } finally {
    ending.abort(new Error("done"));
  }
}

const textOf = ({ path, text }: Output): string =>
  `==> ${path} <==\n${text}${text.endsWith("\n") ? "" : "\n"}`;

/** The diff of each file, also of those that would be removed. */
async function diffOf(
  { outputs }: Rendered,
  { proxy, state, style }: { proxy: ProxyConfig; state: string; style: TerminalStyle },
): Promise<string> {
  const { unifiedDiff } = await import("../text/unified-diff.ts");
  const paths = outputs.map(({ path }) => path);
  const removed = await removedPaths(state, proxy.name, paths);
  const sides = [...outputs, ...removed.map((path) => ({ path, text: undefined }))];
  const parts = sides.map(async ({ path, text }) => {
    const live = await readFile(path, "utf8").catch(() => undefined);
    const before = { path, label: "live", text: live };
    return unifiedDiff(before, { path, label: "rendered", text }, style);
  });
  return (await Promise.all(parts)).join("");
}
