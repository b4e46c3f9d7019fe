import { spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../errors.ts";

/** A program that runs for one case. */
export interface RealProgram {
  /** Resolves once something listens on the port. @throws {AppError} CHECK_UNAVAILABLE when the program ends */
  untilListening(port: number): Promise<void>;
  /** Ends it and its children. Resolves once it is gone. */
  stop(): Promise<void>;
}

const START_MS = 20_000;
const GRACE_MS = 3_000;
const POLL_MS = 20;

/** Starts a program without a shell; `signal` ends it as well. */
export function startProgram(
  argv: readonly string[],
  { cwd, signal }: { readonly cwd: string; readonly signal: AbortSignal },
): RealProgram {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { cwd, signal, stdio: ["ignore", "ignore", "pipe"] });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    words = (words + chunk).slice(-10_000);
  });
  let failure: unknown;
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", (error) => {
      failure = error;
      if (child.pid === undefined) resolve();
    });
  });
  const isRunning = () => failure === undefined && child.exitCode === null;

  return {
    async untilListening(port) {
      const deadline = performance.now() + START_MS;
      while (!(await isListening(port))) {
        signal.throwIfAborted();
        if (!isRunning() || performance.now() > deadline) throw notStarted();
        await sleep(POLL_MS);
      }
    },
    async stop() {
      if (!isRunning()) return await ended;
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(force);
    },
  };

  function notStarted(): AppError {
    const why = failure === undefined ? words.trim() : messageOf(failure);
    return new AppError("CHECK_UNAVAILABLE", `Cannot start ${file}: ${why || "it says nothing"}`, {
      hint: `Install ${file}, and see what it says`,
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

/** Loopback ports that nobody listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = servers.map(
    (server) =>
      new Promise<number>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
      }),
  );
  const result = await Promise.all(ports);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return result;
}
