import { randomBytes } from "node:crypto";
import type { Candidate, CheckResult } from "../../apply/proxy-driver.ts";
import { AppError } from "../../errors.ts";
import { runCommand } from "../command/command.ts";
import { describeFailure } from "../command/describe-failure.ts";
import { withLivePaths } from "../live-paths.ts";
import type { CliConnection } from "./cli-connection.ts";
import type { CliSession } from "./cli-session.ts";
import { type CompilerInput, openCompilerInput } from "./compiler-input.ts";
import { openForCompiler, type Scratch } from "./scratch.ts";
import { listUsable } from "./vcl-list.ts";

/** How Varnish checks a candidate. */
export interface VclCheckOptions {
  readonly binary: string;
  readonly session: CliSession;
  readonly scratch: Scratch;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The prefix of the names of VCLs that are loaded only for a check. */
const TRIAL = "fairlead_check_";

const HINT = "Correct the template or the service's data";

/**
 * Compiles the candidate with `varnishd -C` and the running daemon's compiler. Where there is no such program, the
 * daemon itself loads the candidate cold, and discards it at once.
 *
 * @throws {AppError} CHECK_UNAVAILABLE when there is neither
 */
export async function checkVcl(
  candidate: Candidate,
  options: VclCheckOptions,
): Promise<CheckResult> {
  return await options.scratch.use(async (open) => {
    const tree = await openCompilerInput(candidate, open);
    return (await compileVcl(tree, { ...options, open })) ?? (await loadCold(tree, options));
  });
}

/**
 * Compiles one VCL with `varnishd -C`. It gets a directory of Fairlead's for its temporary files: it removes them only
 * when it ends by itself, which it does not when Fairlead is killed.
 *
 * @returns `undefined` when there is no such program
 */
export async function compileVcl(
  tree: Pick<CompilerInput, "main" | "livePaths">,
  options: VclCheckOptions & { readonly open: () => Promise<string> },
): Promise<CheckResult | undefined> {
  const compiler = await readCompiler(options);
  const parameters = compiler === undefined ? [] : ["-p", `cc_command=${compiler}`];
  const argv = [options.binary, ...parameters, "-C", "-f", tree.main];
  // Where no directory can be made varnishd reports that, if it exists.
  const temporary = await options.open().then(openForCompiler, () => undefined);
  const result = await runCommand(argv, { ...options, temporary });
  if (result.notFound) return undefined;
  if (result.ok) return { ok: true };
  const output =
    result.timedOut || result.output.trim() === "" ? describeFailure(argv, result) : result.output;
  return refusal(withLivePaths(output, tree.livePaths));
}

/** The running daemon's `cc_command`: with tcc a check takes a fraction of the time. */
async function readCompiler({ session, signal }: VclCheckOptions): Promise<string | undefined> {
  try {
    const { status, body } = await session.use(signal, (connection) =>
      connection.send(["param.show", "-j", "cc_command"]),
    );
    if (status !== 200) return undefined;
    const [, , , parameter] = JSON.parse(body) as readonly [
      unknown,
      unknown,
      unknown,
      { readonly value?: string },
    ];
    return parameter.value;
  } catch {
    signal.throwIfAborted();
    return undefined; // without a daemon varnishd's own default is used
  }
}

async function loadCold(tree: CompilerInput, options: VclCheckOptions): Promise<CheckResult> {
  const name = `${TRIAL}${randomBytes(6).toString("hex")}`;
  try {
    return await options.session.use(options.signal, async (cli) => {
      await discardTrials(cli);
      const loaded = await cli.send(["vcl.load", name, tree.main, "cold"], options);
      if (loaded.status === 200) {
        await cli.send(["vcl.discard", name]);
        return { ok: true };
      }
      return refusal(withLivePaths(loaded.body, tree.livePaths));
    });
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== "PROXY_DOWN") throw cause;
    throw new AppError(
      "CHECK_UNAVAILABLE",
      `Cannot check as "${options.binary}" cannot be run, and no Varnish runs that could load the candidate: ${cause.message}`,
      {
        hint: "Install varnish beside Fairlead, set the proxy's `binary`, or start varnishd",
        cause,
      },
    );
  }
}

/** Discards the VCLs of checks that were aborted: Varnish went on loading them. */
async function discardTrials(cli: CliConnection): Promise<void> {
  for (const { name } of await listUsable(cli)) {
    if (name.startsWith(TRIAL)) await cli.send(["vcl.discard", name]);
  }
}

/** Reads a refusal from the compiler's output. It names a place as `('FILE' Line 12 Pos 5)`. */
export function refusal(output: string): CheckResult {
  const [, path, line] = /\('(\/[^'\n]+)' Line (\d+)/.exec(output) ?? [];
  return {
    ok: false,
    output: explanation(output),
    hint: HINT,
    ...(path === undefined ? {} : { at: { path, line: Number(line) } }),
  };
}

/** The compiler's words without the frame around them, on one line each. */
export function explanation(output: string): string {
  const noise =
    /^(Message from VCC-compiler:|Message from C-compiler:|Running VCC-compiler failed.*|VCL compilation failed|Could not delete .*|Debug: .*)$/;
  return output
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !noise.test(line))
    .slice(0, 20)
    .join("\n");
}
