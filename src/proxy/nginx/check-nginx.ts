import type { Candidate, CheckResult } from "../../apply/proxy-driver.ts";
import type { NginxConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import { runCommand } from "../command/command.ts";
import { describeFailure } from "../command/describe-failure.ts";
import { withLivePaths } from "../live-paths.ts";
import type { CheckTree } from "./check-tree.ts";
import type { CheckTrees } from "./check-trees.ts";
import type { PrestartedCheck } from "./prestarted-check.ts";

/** How nginx checks a candidate. */
export interface NginxCheckOptions {
  readonly trees: CheckTrees;
  /** Runs `nginx -t`. */
  readonly prestarted: PrestartedCheck;
  /** What the running master was given with -p, if anything. */
  readonly prefix: string | undefined;
  readonly signal: AbortSignal;
  /** Called with each `[warn]` line about an accepted candidate. */
  readonly onWarning: (line: string) => void;
}

/**
 * Checks the candidate with `nginx -t`, within the complete configuration.
 *
 * @throws {AppError} CHECK_UNAVAILABLE when there is no nginx program
 */
export async function checkNginx(
  config: NginxConfig,
  candidate: Candidate,
  options: NginxCheckOptions,
): Promise<CheckResult> {
  const kept = options.trees.kept();
  if (kept !== undefined) {
    // nginx checks the kept tree while its sources are compared: mostly they are the same, and the result counts.
    const [verdict, isSame] = await Promise.all([
      ask(config, { candidate, tree: kept, options }),
      kept.sources.areSameFor(candidate),
    ]);
    if (isSame) return report(verdict, options);
  }
  const tree = await options.trees.build(candidate);
  return report(await ask(config, { candidate, tree, options }), options);
}

/**
 * Prestarts the `nginx -t` of the next check, for the tree that is kept now. The main file must name a log: otherwise
 * nginx would log to the gate, and the check would not try the log that nginx was built with.
 */
export async function prepareCheck(
  config: NginxConfig,
  { trees, prestarted, prefix }: Pick<NginxCheckOptions, "trees" | "prestarted" | "prefix">,
): Promise<void> {
  const tree = trees.kept();
  if (tree?.hasOwnLog === true) await prestarted.prepare(checkCommand(config, { prefix, tree }));
}

const checkCommand = (
  { binary }: NginxConfig,
  { prefix, tree }: { readonly prefix: string | undefined; readonly tree: CheckTree },
): readonly string[] => [
  binary,
  "-t",
  ...(prefix === undefined ? [] : ["-p", prefix]),
  "-c",
  tree.main,
];

/** Outputs that the running nginx can open by name. Standard error of Fairlead's own child is a pipe that it cannot open. */
export const checkOpens = ({ reload }: NginxConfig): readonly ("stdout" | "stderr")[] =>
  reload.supervise === undefined ? ["stdout", "stderr"] : ["stdout"];

interface Verdict {
  readonly result: CheckResult;
  readonly warnings: readonly string[];
}

function report({ result, warnings }: Verdict, options: NginxCheckOptions): CheckResult {
  for (const line of warnings) options.onWarning(line);
  return result;
}

async function ask(
  config: NginxConfig,
  {
    candidate,
    tree,
    options,
  }: {
    readonly candidate: Candidate;
    readonly tree: CheckTree;
    readonly options: NginxCheckOptions;
  },
): Promise<Verdict> {
  const unreached = candidate.files.find(
    ({ path, format }) => format === "nginx" && !tree.reached.has(path),
  );
  if (unreached !== undefined) return { result: notIncluded(unreached.path, config), warnings: [] };
  return await runCheck(config, tree, options);
}

async function runCheck(
  config: NginxConfig,
  tree: CheckTree,
  options: NginxCheckOptions,
): Promise<Verdict> {
  const { prestarted, prefix, signal } = options;
  const argv = checkCommand(config, { prefix, tree });
  const end = { timeoutMs: config.checkTimeout, signal };
  const result = tree.hasOwnLog
    ? await prestarted.run(argv, end)
    : await runCommand(argv, { opens: checkOpens(config), ...end });
  if (result.notFound) {
    throw new AppError(
      "CHECK_UNAVAILABLE",
      `Cannot check as "${config.binary}" cannot be run: there is no such program`,
      {
        hint: "Install nginx beside Fairlead, or set the proxy's `binary`",
      },
    );
  }
  if (!result.ok) {
    const output = withLivePaths(describeFailure(argv, result), tree.livePaths);
    return {
      result: { ok: false, output: errorLines(output), hint: hintFor(output), ...lineIn(output) },
      warnings: [],
    };
  }
  const lines = withLivePaths(result.output, tree.livePaths).split("\n");
  return { result: { ok: true }, warnings: lines.filter((line) => line.includes("[warn]")) };
}

function notIncluded(path: string, config: NginxConfig): CheckResult {
  return {
    ok: false,
    output: `"${config.config}" does not include "${path}": nginx would never read it`,
    hint: `Add "include ${path};" to the http block of ${config.config}, or give the file entry \`format: text\``,
  };
}

/** The lines that explain the refusal, without nginx's closing "test failed". */
function errorLines(output: string): string {
  const lines = output.split("\n").filter((line) => /\[(emerg|alert|crit|error)\]/.test(line));
  return lines.length === 0
    ? output
    : lines.map((line) => line.replace(/^.*?\[(\w+)\] (\d+#\d+: )?/, "[$1] ")).join("\n");
}

/** nginx ends its line with `in FILE:LINE`. */
function lineIn(output: string): { readonly at?: { path: string; line: number } } {
  const [, path, line] = /\[emerg\].* in (\/.+):(\d+)$/m.exec(output) ?? [];
  return path === undefined ? {} : { at: { path, line: Number(line) } };
}

function hintFor(output: string): string {
  if (output.includes("host not found in upstream"))
    return "Make the name resolve here, or register the service with an IP address";
  if (/"\/dev\/std(out|err)" failed \(6:/.test(output))
    return "Log with `error_log stderr`, or into a file. Unless nginx is Fairlead's own child, a writable /dev/shm or temporary directory helps too";
  if (output.includes("Permission denied"))
    return "Run Fairlead as the user that nginx's master runs as: nginx -t opens logs, certificates and the pid file";
  if (output.includes("a duplicate default server"))
    return "Set values.nginx.listen to an address of its own, or remove the other default_server";
  return "Correct the template or the service's data";
}
