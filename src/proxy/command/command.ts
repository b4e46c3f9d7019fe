import { execa } from "execa";
import { collectOutput, OUTPUT_LIMIT_BYTES } from "./collect-output.ts";
import { openOutputFile } from "./output-file.ts";
import { type EndOptions, endGroupOn } from "./process-group.ts";

/** How a command ended. A refusal is a value; only an abort is thrown. */
export interface CommandResult {
  readonly ok: boolean;
  /** Undefined when a signal ended it, or it could not start. */
  readonly exitCode: number | undefined;
  /** Standard output and standard error interleaved, at most the first {@link OUTPUT_LIMIT_BYTES} bytes. */
  readonly output: string;
  /** Whether it was ended because its time was up. */
  readonly timedOut: boolean;
  /** Whether the program does not exist, or may not be run. */
  readonly notFound: boolean;
}

/** Copied once: each access to `process.env` asks the C library for every variable. */
const ENVIRONMENT = { ...process.env };

/** How a command is started. */
export interface StartOptions {
  /**
   * Outputs that the command may open by name, as `/dev/stdout`. Node's pipes are sockets, which do not allow that, so
   * these outputs go to a file. Only for a command that prints little.
   */
  readonly opens?: readonly ("stdout" | "stderr")[];
  /** Where it makes its temporary files, instead of the system's directory for that. */
  readonly temporary?: string | undefined;
  /** Its working directory; Fairlead's own when absent. */
  readonly directory?: string;
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

/** A command that was started. {@link endCommand} waits for its end. */
export type StartedCommand = ReturnType<typeof startCommand>;

/** Starts a command without a shell, in a process group of its own. One that cannot be started has no pid. */
export function startCommand(
  [file = "", ...args]: readonly string[],
  { opens = [], temporary, directory }: StartOptions,
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
    ...(directory === undefined ? {} : { cwd: directory }),
    stdin: "ignore",
    stdout: sinkOf("stdout"),
    stderr: sinkOf("stderr"),
    detached: true, // its own process group, so that its children end with it
  });
  return { child, outputFile, output: collectOutput(child.all) };
}

/** Waits until a command ended, or ends it. @throws the signal's reason, once aborted. Nothing else. */
export async function endCommand(
  { child, outputFile, output }: StartedCommand,
  options: EndOptions,
): Promise<CommandResult> {
  const deadline = endGroupOn(child.pid, options);
  try {
    const result = await child;
    if (options.signal.aborted) throw options.signal.reason;
    return {
      ok: !result.failed,
      exitCode: result.exitCode,
      output: (await output) + (outputFile?.readHead(OUTPUT_LIMIT_BYTES) ?? ""),
      timedOut: deadline.timedOut(),
      notFound: result.code === "ENOENT" || result.code === "EACCES",
    };
  } finally {
    deadline.clear();
    outputFile?.close();
  }
}
