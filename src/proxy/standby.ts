import {
  type CommandResult,
  type EndOptions,
  endCommand,
  runCommand,
  type StartedCommand,
  type StartOptions,
  signalGroup,
  startCommand,
} from "./command.ts";

/*
 * Node starts a program by a fork of itself, which takes the longer the more memory it has: 2 ms with 90 MiB, 6 with
 * 260. So that this does not stand between a change and its reload, what starts the program is there beforehand:
 * `xargs`, which waits at its standard input for the last argument. Its input ends with Fairlead, however that ends; then
 * it runs the command without that argument, which comes to nothing, and ends. (With -r it would not, but then an input
 * that ends too soon would be a yes that nobody gave.) Where there is no xargs all goes as it does without.
 */

/** Runs one command again and again, from a process that waits to do so where there is one. */
export interface Standby {
  /**
   * Starts what waits to run a command, of which the last argument is not known yet, unless it waits already. That takes
   * as long as it spares later.
   */
  prepare(argv: readonly string[]): void;
  /** Runs a command, as {@link runCommand} does. @throws the signal's reason, once aborted. Nothing else. */
  run(argv: readonly string[], options: EndOptions): Promise<CommandResult>;
  /** Ends what waits, for good. */
  close(): Promise<void>;
}

interface Waiting {
  readonly argv: readonly string[];
  readonly started: StartedCommand;
}

export function createStandby(options: Pick<StartOptions, "opens">): Standby {
  let waiting: Waiting | undefined;
  let isOver = false;

  return {
    prepare(argv) {
      if (isOver || (waiting !== undefined && waitsFor(waiting, argv))) return;
      void end();
      const started = startCommand(["xargs", "-0", ...argv], { ...options, stdin: "pipe" });
      started.child.stdin?.on("error", () => undefined); // it is gone: its exit tells
      waiting = { argv, started };
      isOver = started.child.pid === undefined; // there is no xargs
    },
    async run(argv, { timeoutMs, signal }) {
      signal.throwIfAborted();
      const deadline = performance.now() + timeoutMs;
      const started = take(argv.slice(0, -1));
      if (started !== undefined) {
        started.child.stdin?.end(`${argv.at(-1)}\0`);
        const result = await endCommand(started, { timeoutMs, signal });
        // A no is to be the command's own word, not what xargs makes of it.
        if (result.ok || result.timedOut) return result;
      }
      const restMs = Math.max(1, deadline - performance.now());
      return await runCommand(argv, { ...options, timeoutMs: restMs, signal });
    },
    async close() {
      isOver = true;
      await end();
    },
  };

  /** What waits for this, and now is no longer there for others. */
  function take(argv: readonly string[]): StartedCommand | undefined {
    if (waiting === undefined || !waitsFor(waiting, argv)) return undefined;
    const { started } = waiting;
    waiting = undefined;
    return started;
  }

  async function end(): Promise<void> {
    const started = waiting?.started;
    waiting = undefined;
    if (started === undefined) return;
    if (isThere(started)) signalGroup(started.child.pid ?? 0, "SIGKILL");
    await started.child;
    started.outputFile?.close();
  }
}

const waitsFor = ({ argv, started }: Waiting, wanted: readonly string[]): boolean =>
  isThere(started) && argv.length === wanted.length && argv.every((it, i) => it === wanted[i]);

const isThere = ({ child }: StartedCommand): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;
