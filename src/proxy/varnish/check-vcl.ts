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

/** How to ask about a candidate. */
export interface VclCheckOptions {
  readonly binary: string;
  readonly session: CliSession;
  readonly scratch: Scratch;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How the name of a VCL begins that is loaded for a check only. */
const TRIAL = "fairlead_check_";

const HINT = "Correct the template or the service's data; the live files are untouched";

/**
 * Asks `varnishd -C` whether the candidate compiles, with the running daemon's compiler; where there is no
 * such program, the daemon itself, by a cold load that it forgets at once.
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
 * Asks `varnishd -C` about one VCL. What it makes meanwhile it only removes when it comes to its end by itself, and it does
 * not when Fairlead is killed: it is given a directory of Fairlead's.
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
  // Where none can be made varnishd says so, if it is there at all.
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
    return undefined; // no daemon to ask: varnishd's own default will do
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
      `Cannot check as "${options.binary}" cannot be run, and there is no running Varnish to ask either: ${cause.message}`,
      {
        hint: "Install varnish beside Fairlead, set the proxy's `binary`, or start varnishd",
        cause,
      },
    );
  }
}

/** Of checks that were given up meanwhile: Varnish loads on, and nobody was there to have it discarded. */
async function discardTrials(cli: CliConnection): Promise<void> {
  for (const { name } of await listUsable(cli)) {
    if (name.startsWith(TRIAL)) await cli.send(["vcl.discard", name]);
  }
}

/** What a compiler's output says. It names a place as `('FILE' Line 12 Pos 5)`. */
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
