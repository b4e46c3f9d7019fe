import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { AppError, messageOf } from "../../errors.ts";
import { authenticate, type CliAnswer, encodeCommand, parseCliAnswer } from "./cli-frame.ts";

/** Where a varnishd listens for commands. */
export interface CliAddress {
  /** `host:port`, the host in brackets when it is an IPv6 address. */
  readonly address: string;
  readonly secretFile?: string | undefined;
}

/** An authenticated connection to one varnishd. Commands run one at a time: parallel use can end the child. */
export interface CliConnection {
  /**
   * Sends one command and waits for its answer, whatever its status.
   *
   * @throws {AppError} PROXY_DOWN when the connection ends, RELOAD_FAILED when the time is up
   */
  send(words: readonly string[], options?: { readonly timeoutMs: number }): Promise<CliAnswer>;
}

const CONNECT_MS = 5_000;
const COMMAND_MS = 10_000;
const AUTHENTICATE = 107;
const OK = 200;

/**
 * Opens a connection, hands it to `use`, and closes it.
 *
 * @throws {AppError} PROXY_DOWN when nothing answers, RELOAD_FAILED when the secret is wrong, and what `use` throws
 */
export async function withCli<T>(
  cli: CliAddress,
  signal: AbortSignal,
  use: (connection: CliConnection) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const socket = connect(endpointOf(cli.address));
  const answers = readAnswers(socket, cli.address);
  const abort = () => socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await greet(cli, socket, answers);
    return await use({
      async send(words, options) {
        socket.write(encodeCommand(words));
        return await answers.next(words[0] ?? "", options?.timeoutMs ?? COMMAND_MS);
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

async function greet(cli: CliAddress, socket: Socket, answers: Answers): Promise<void> {
  let answer = await answers.next("the greeting", CONNECT_MS);
  if (answer.status === AUTHENTICATE) {
    const secret = await readSecret(cli);
    socket.write(`auth ${authenticate(answer.body, secret)}\n`);
    answer = await answers.next("auth", CONNECT_MS);
  }
  if (answer.status === OK) return;
  throw new AppError(
    "RELOAD_FAILED",
    `Cannot use Varnish's CLI at ${cli.address} as it refuses the secret of "${cli.secretFile}"`,
    {
      hint: "Set admin.secretFile to the file that varnishd was given with -S",
    },
  );
}

async function readSecret(cli: CliAddress): Promise<Buffer> {
  if (cli.secretFile === undefined) {
    throw new AppError(
      "RELOAD_FAILED",
      `Cannot use Varnish's CLI at ${cli.address} as it requires a secret and none is configured`,
      {
        hint: "Set admin.secretFile to the file that varnishd was given with -S",
      },
    );
  }
  try {
    return await readFile(cli.secretFile);
  } catch (cause) {
    throw new AppError(
      "RELOAD_FAILED",
      `Cannot use Varnish's CLI as its secret is not readable: ${messageOf(cause)}`,
      {
        hint: "Let this user read admin.secretFile, or correct it",
        cause,
      },
    );
  }
}

interface Answers {
  next(command: string, timeoutMs: number): Promise<CliAnswer>;
}

/** Splits the incoming bytes into answers. A wait fails when the connection ends instead. */
function readAnswers(socket: Socket, address: string): Answers {
  const ready: CliAnswer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let ended: Error | undefined;
  let wake: () => void = () => undefined;
  const end = (error: Error) => {
    ended ??= error;
    wake();
  };
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    try {
      for (let parsed = parseCliAnswer(rest); parsed !== undefined; parsed = parseCliAnswer(rest)) {
        ready.push(parsed.answer);
        rest = rest.subarray(parsed.bytes);
      }
    } catch (error) {
      socket.destroy(error as Error);
    }
    wake();
  });
  socket.on("error", end);
  socket.on("close", () => end(new Error("the connection was closed")));

  return {
    async next(command, timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const timeUp = new Promise<"time is up">((resolve) => {
        timer = setTimeout(() => resolve("time is up"), timeoutMs);
      });
      try {
        for (;;) {
          const answer = ready.shift();
          if (answer !== undefined) return answer;
          if (ended !== undefined) throw unreachable(address, ended);
          const woken = new Promise<void>((resolve) => {
            wake = resolve;
          });
          if ((await Promise.race([woken, timeUp])) === "time is up")
            throw hanging(command, timeoutMs);
        }
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function unreachable(address: string, cause: Error): AppError {
  return new AppError("PROXY_DOWN", `Cannot reach Varnish's CLI at ${address}: ${cause.message}`, {
    hint: "Start varnishd with -T there, or correct admin.address. The checked files are in place, and Fairlead reloads it as soon as it runs",
    cause,
  });
}

function hanging(command: string, timeoutMs: number): AppError {
  return new AppError(
    "RELOAD_FAILED",
    `Cannot go on as Varnish's CLI did not answer ${command} within ${timeoutMs} ms`,
    {
      hint: "See what varnishd is doing; a large VCL compiles slowly, and much faster with tcc as cc_command",
    },
  );
}

function endpointOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
  };
}
