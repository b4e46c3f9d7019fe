import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import { startCommand } from "../command/command.ts";
import { readProcess } from "../process-table.ts";
import { endProcess } from "../supervise/end-process.ts";

/** A program that runs for a while, such as for one test case. */
export interface TemporaryProgram {
  /** Resolves once something listens on the port. @throws {AppError} CHECK_UNAVAILABLE when the program ends */
  untilListening(port: number): Promise<void>;
  /** Ends it and every process of its group. Resolves once they are gone. */
  stop(): Promise<void>;
}

const START_MS = 20_000;
const GRACE_MS = 3_000;
const POLL_MS = 20;

/** Starts a program without a shell, in a process group of its own. It is ended once `signal` aborts, too. */
export function startProgram(
  argv: readonly string[],
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal },
): TemporaryProgram {
  const [file = ""] = argv;
  const { child, output } = startCommand(argv, { directory });
  const leader = child.pid === undefined ? undefined : readProcess(child.pid);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= end();
    return stopped;
  };
  const onAbort = () => void stop();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    async untilListening(port) {
      const deadline = performance.now() + START_MS;
      while (!(await isListening(port))) {
        signal.throwIfAborted();
        if (!isRunning() || performance.now() > deadline) throw await notStarted();
        await sleep(POLL_MS);
      }
    },
    stop,
  };

  function isRunning(): boolean {
    return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async function end(): Promise<void> {
    signal.removeEventListener("abort", onAbort);
    if (leader !== undefined)
      await endProcess(leader, { stopSignal: "SIGTERM", graceMs: GRACE_MS });
    await child;
  }

  async function notStarted(): Promise<AppError> {
    await stop();
    const { originalMessage = "" } = await child;
    const why = (await output).trim() || originalMessage || "it printed nothing";
    return new AppError("CHECK_UNAVAILABLE", `Cannot start ${file}: ${why}`, {
      hint: `Install ${file}, or correct what it prints`,
    });
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
