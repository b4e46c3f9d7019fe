import { fileURLToPath } from "node:url";
import { type RunningProgram, startProgram } from "./child-process.ts";
import { until } from "./until.ts";

/** One line of Fairlead's log. */
export interface LogLine {
  readonly level: number;
  readonly time: number;
  readonly msg: string;
  readonly proxy?: string;
  readonly result?: string;
  readonly generation?: number;
  readonly hint?: string;
  readonly [field: string]: unknown;
}

/** A running `fairlead`. */
export interface Fairlead extends RunningProgram {
  log(): readonly LogLine[];
  /** Resolves with the first line, of those from number `from` on, that `matches`. */
  untilLog(what: string, matches: (line: LogLine) => boolean, from?: number): Promise<LogLine>;
  /** Resolves with the first line of that result, of those from number `from` on. */
  untilResult(result: LogLine["result"], from?: number): Promise<LogLine>;
}

export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface FairleadOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs it, such as one that gives it a container's view of processes. */
  readonly within?: readonly string[];
}

/** Starts the built program. The environment has no settings of Consul or Fairlead but those given. */
export async function startFairlead(
  args: readonly string[],
  { within = [], ...options }: FairleadOptions = {},
): Promise<Fairlead> {
  const clean = Object.entries(process.env).filter(([name]) => !/^(CONSUL|FAIRLEAD)_/.test(name));
  const program = await startProgram([...within, process.execPath, MAIN, ...args], {
    ...options,
    env: { ...Object.fromEntries(clean), ...options.env },
  });
  const lines: LogLine[] = [];
  program.onErrorLine((line) => {
    if (line.startsWith("{")) lines.push(JSON.parse(line) as LogLine);
  });
  const untilLog: Fairlead["untilLog"] = async (what, matches, from = 0) => {
    try {
      return await until(`the log says that ${what}`, () => {
        const line = lines.slice(from).find(matches);
        if (line === undefined && !program.isRunning()) throw new Error("fairlead has ended");
        return line;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${program.output()}`, { cause: error });
    }
  };
  return {
    ...program,
    log: () => lines,
    untilLog,
    untilResult: (result, from) =>
      untilLog(`a generation is ${result}`, (line) => line.result === result, from),
  };
}

/** Runs it to its end. */
export async function runFairlead(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<{
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly output: string;
  readonly log: readonly LogLine[];
}> {
  const fairlead = await startFairlead(args, options);
  const exitCode = await fairlead.ended;
  return {
    exitCode,
    stdout: fairlead.standardOutput(),
    output: fairlead.output(),
    log: fairlead.log(),
  };
}
