import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { until } from "./until.ts";

/** A program that a test or the demo runs. */
export interface RunningProgram {
  readonly pid: number;
  /** All that it wrote so far, to both outputs. */
  output(): string;
  standardOutput(): string;
  /** Calls `listener` with each line on standard error. */
  onErrorLine(listener: (line: string) => void): void;
  isRunning(): boolean;
  /** Stops it with SIGSTOP, and resolves once it runs no more: its sockets stay open and nothing answers. */
  freeze(): Promise<void>;
  /** Lets a frozen program go on. */
  resume(): void;
  /** Lets it go on if it is frozen, sends a signal and waits for the end; by force after `graceMs`. Returns the exit code. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<number | null>;
  /** Resolves with the exit code once it ended. */
  readonly ended: Promise<number | null>;
}

/** Starts a program without a shell, in a process group of its own. @throws when it cannot be started */
export async function startProgram(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<RunningProgram> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    ...options,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  await started(child, file);
  const text = { all: "", out: "", line: "" };
  const listeners: ((line: string) => void)[] = [];
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text.all += chunk;
    text.out += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text.all += chunk;
    const lines = (text.line + chunk).split("\n");
    text.line = lines.pop() ?? "";
    for (const line of lines) for (const listener of listeners) listener(line);
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid as number,
    output: () => text.all,
    standardOutput: () => text.out,
    onErrorLine: (listener) => void listeners.push(listener),
    isRunning,
    ended,
    async freeze() {
      child.kill("SIGSTOP");
      await until(`${file} is frozen`, () => isFrozen(child.pid as number));
    },
    resume: () => void child.kill("SIGCONT"),
    async stop(signal = "SIGTERM", graceMs = 10_000) {
      if (!isRunning()) return await ended;
      child.kill(signal);
      child.kill("SIGCONT"); // a frozen program gets no other signal than SIGKILL
      const force = setTimeout(() => signalGroup(child.pid as number, "SIGKILL"), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(force);
      }
    },
  };
}

function started(child: ChildProcess, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new Error(`cannot start "${file}": ${error.message}`)));
  });
}

/** proc(5): state T is "stopped on a signal". The name before it may hold spaces, but no ")" comes after it. */
async function isFrozen(pid: number): Promise<boolean> {
  return /\) T [^)]*$/.test(await readFile(`/proc/${pid}/stat`, "utf8"));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}
