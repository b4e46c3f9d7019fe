import { execa } from "execa";
import { AppError } from "../errors.ts";
import { openOutputFile } from "./output-file.ts";

/** How a command ended. A refusal is a value; only an abort is thrown. */
export interface CommandResult {
  readonly ok: boolean;
  /** Undefined when it was ended by a signal or could not start. */
  readonly exitCode: number | undefined;
  /** Standard output and standard error interleaved, at most the first {@link OUTPUT_LIMIT_BYTES} bytes. */
  readonly output: string;
  /** Whether it was ended because its time was up. */
  readonly timedOut: boolean;
  /** Whether the program was not there, or may not be run. */
  readonly notFound: boolean;
}

/** What is kept of a command's output. The rest is read and dropped, so that the command never blocks. */
const OUTPUT_LIMIT_BYTES = 64 * 1024;

const KILL_DELAY_MS = 2_000;

/** Read once: each look at `process.env` asks the C library for every variable. */
const ENVIRONMENT = { ...process.env };

/** How a command is started. */
export interface StartOptions {
  /**
   * Outputs that it may open by name, as `/dev/stdout`, which Node's pipes, being sockets, do not allow: they go to a
   * file then. Only for a command that says little.
   */
  readonly opens?: readonly ("stdout" | "stderr")[];
  /** Where it makes its temporary files, instead of the system's directory for that. */
  readonly temporary?: string | undefined;
}

/** How a command is ended that does not end by itself. */
export interface EndOptions {
  /** Milliseconds until the whole group gets SIGTERM, and SIGKILL 2 s later. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs a command without a shell, in a process group of its own that is ended at the timeout.
 *
 * @throws the signal's reason, once aborted. Nothing else.
 */
export async function runCommand(
  argv: readonly string[],
  options: StartOptions & EndOptions,
): Promise<CommandResult> {
  options.signal.throwIfAborted();
  return await endCommand(startCommand(argv, options), options);
}

/** A command that was started: {@link endCommand} tells how it ends. */
export type StartedCommand = ReturnType<typeof startCommand>;

/** Starts a command without a shell, in a process group of its own. One that cannot be started has no pid. */
export function startCommand(
  [file = "", ...args]: readonly string[],
  { opens = [], temporary }: StartOptions,
) {
  const outputFile = opens.length > 0 ? openOutputFile() : undefined;
  const sinkOf = (output: "stdout" | "stderr") =>
    // execa takes any descriptor; its types know few.
    (opens.includes(output) ? (outputFile?.descriptor ?? "pipe") : "pipe") as 3 | "pipe";
  const child = execa(file, args, {
    all: true,
    buffer: false,
    reject: false,
    shell: false,
    extendEnv: false,
    env: temporary === undefined ? ENVIRONMENT : { ...ENVIRONMENT, TMPDIR: temporary },
    stdin: "ignore",
    stdout: sinkOf("stdout"),
    stderr: sinkOf("stderr"),
    detached: true, // its own process group, so that its children end with it
    cleanup: true,
  });
  return { child, outputFile, output: readHead(child.all) };
}

/** Waits until a command ended, or ends it. @throws the signal's reason, once aborted. Nothing else. */
export async function endCommand(
  { child, outputFile, output }: StartedCommand,
  options: EndOptions,
): Promise<CommandResult> {
  const end = endGroupOn(child.pid, options);
  try {
    const result = await child;
    if (options.signal.aborted) throw options.signal.reason;
    return {
      ok: !result.failed,
      exitCode: result.exitCode,
      output: (await output) + (outputFile?.readHead(OUTPUT_LIMIT_BYTES) ?? ""),
      timedOut: end.timedOut(),
      notFound: result.code === "ENOENT" || result.code === "EACCES",
    };
  } finally {
    end.clear();
    outputFile?.close();
  }
}

/** The result's output, or a sentence that says what became of the command when it said nothing. */
export function describeFailure(argv: readonly string[], result: CommandResult): string {
  const command = argv.join(" ");
  if (result.timedOut) return `"${command}" was ended as it took too long. ${result.output}`.trim();
  if (result.notFound) return `"${argv[0]}" cannot be run: there is no such program`;
  if (result.output.trim() !== "") return result.output.trim();
  return `"${command}" ended with exit code ${result.exitCode ?? "none"} and said nothing`;
}

/** The error for a reload command that did not end well. */
export function reloadCommandFailed(argv: readonly string[], result: CommandResult): AppError {
  return new AppError("RELOAD_FAILED", `Cannot reload: ${describeFailure(argv, result)}`, {
    hint: `Run "${argv.join(" ")}" by hand, as the user that Fairlead runs as`,
  });
}

async function readHead(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream ?? []) {
      const buffer = Buffer.from(chunk as Uint8Array);
      if (bytes < OUTPUT_LIMIT_BYTES) chunks.push(buffer.subarray(0, OUTPUT_LIMIT_BYTES - bytes));
      bytes += buffer.length;
    }
  } catch {
    // The pipe broke as the command was ended: what was read so far is what there is.
  }
  return Buffer.concat(chunks).toString("utf8");
}

function endGroupOn(pid: number | undefined, { timeoutMs, signal }: EndOptions) {
  let timedOut = false;
  let isEnding = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = () => {
    if (pid === undefined) return;
    isEnding = true;
    signalGroup(pid, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(pid, "SIGKILL"), KILL_DELAY_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  signal.addEventListener("abort", end, { once: true });
  return {
    timedOut: () => timedOut,
    clear() {
      clearTimeout(timer);
      clearTimeout(killTimer);
      signal.removeEventListener("abort", end);
      // The command has ended; what it started and did not heed the signal ends now.
      if (isEnding && pid !== undefined) signalGroup(pid, "SIGKILL");
    },
  };
}

/** Signals a process group, if it is there. */
export function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // The group is gone already.
  }
}
