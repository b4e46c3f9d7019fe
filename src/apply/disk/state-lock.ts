import { randomBytes } from "node:crypto";
import { closeSync, linkSync, lstatSync, openSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import { openStateDirectory, stateError } from "./state-directory.ts";

/** The right to be the one daemon on a state directory, until it is released or the process ends, however it ends. */
export interface StateLock {
  release(): Promise<void>;
}

/** How long a holder may take to say who it is; that it holds the lock is known without. */
const ANSWER_MS = 5_000;
/** A socket that never became a ticket within this time belongs to a process that was killed. */
const ABANDONED_MS = 60_000;

/**
 * Takes the lock of a state directory, or says who has it.
 *
 * The lock is a listening socket: the kernel knows whether somebody listens, in whatever container, and a killed process
 * leaves no lock behind. The sockets in `lock/` are numbered tickets, and the highest one counts. A number is only added
 * by link(), which one alone can win, and only on top of one that nobody listens at: dead, it stays so. The highest
 * ticket is never removed, so that no number is given twice.
 *
 * @throws {AppError} SWAP when another process has it, or the file system knows no sockets
 */
export async function lockState(state: string): Promise<StateLock> {
  const directory = join(state, "lock");
  openStateDirectory(state);
  openStateDirectory(directory);
  const own = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const server = await listen(directory, own);
  try {
    while (!(await tryTake(state, own)));
    removeOld(directory);
  } catch (error) {
    await close(server);
    throw error;
  } finally {
    rmSync(join(directory, own), { force: true });
  }
  return { release: () => close(server) };
}

/** Whether the lock is taken now. @throws {AppError} SWAP when another process has it */
async function tryTake(state: string, own: string): Promise<boolean> {
  const directory = join(state, "lock");
  const highest = highestTicket(directory);
  const holder = highest === 0 ? undefined : await whoListens(directory, String(highest));
  if (holder !== undefined) throw lockedBy(state, holder);
  const ticket = join(directory, String(highest + 1));
  try {
    linkSync(join(directory, own), ticket);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw stateError(state, error);
  }
  if (highestTicket(directory) === highest + 1) return true;
  rmSync(ticket, { force: true }); // the number was given before, and what we took it for is long past
  return false;
}

const ticketsIn = (directory: string): readonly number[] =>
  readdirSync(directory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const highestTicket = (directory: string): number => Math.max(0, ...ticketsIn(directory));

function removeOld(directory: string): void {
  const highest = highestTicket(directory);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const isOld = /^\d+$/.test(name) ? Number(name) < highest : isAbandoned(path);
    if (isOld) rmSync(path, { force: true });
  }
}

function isAbandoned(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS;
}

/** Listens in `directory`, and answers each connection with this process's id. */
async function listen(directory: string, name: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(`pid ${process.pid} on ${hostname()}`);
  });
  try {
    await withShortPath(directory, name, (path) => {
      return new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(path, resolve);
      });
    });
  } catch (cause) {
    throw stateError(directory, cause);
  }
  server.unref();
  return server;
}

/** What the listener of a socket says of itself; `undefined` when nobody listens. */
async function whoListens(directory: string, name: string): Promise<string | undefined> {
  return await withShortPath(directory, name, (path) => {
    return new Promise<string | undefined>((resolve) => {
      let words = "";
      const socket = connect(path);
      const end = (result: string | undefined) => {
        clearTimeout(timer);
        socket.destroy();
        resolve(result);
      };
      const timer = setTimeout(() => end(words), ANSWER_MS);
      socket
        .setEncoding("utf8")
        .on("data", (text: string) => {
          words += text;
        })
        .on("end", () => end(words))
        .on("error", (error: NodeJS.ErrnoException) => end(isDead(error) ? undefined : words));
    });
  });
}

const isDead = ({ code }: NodeJS.ErrnoException): boolean =>
  code === "ECONNREFUSED" || code === "ENOENT";

/** A socket's path holds 107 bytes at most; a state directory's may be longer. Source: unix(7). */
async function withShortPath<T>(
  directory: string,
  name: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const handle = openSync(directory, "r");
  try {
    return await work(`/proc/self/fd/${handle}/${name}`);
  } finally {
    closeSync(handle);
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function lockedBy(state: string, holder: string): AppError {
  const [words, host] = holder.split(" on ");
  const who =
    holder === "" ? "a process that does not say which" : host === hostname() ? words : holder;
  return new AppError(
    "SWAP",
    `Cannot use the state directory "${state}" as another Fairlead runs on it: ${who}`,
    { hint: "End that one, or give each Fairlead a `state` of its own" },
  );
}
