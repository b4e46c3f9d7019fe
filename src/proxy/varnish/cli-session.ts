import { type CliAddress, type CliConnection, withCli } from "./cli-connection.ts";

/** The CLI of one varnishd, for one user at a time: the manager does not support several commands at once. */
export interface CliSession {
  /**
   * Hands a connection to `work`, after the work before has ended.
   *
   * @throws what {@link withCli} throws
   */
  use<T>(signal: AbortSignal, work: (connection: CliConnection) => Promise<T>): Promise<T>;
  /**
   * The same for work that may be skipped: it does not wait for a connection, and is aborted when {@link CliSession.use}
   * needs one.
   *
   * @returns `undefined` when it was skipped, aborted, or failed
   */
  useIfFree<T>(
    signal: AbortSignal,
    work: (connection: CliConnection) => Promise<T>,
  ): Promise<T | undefined>;
}

export function createSession(cli: CliAddress): CliSession {
  /** The last in the queue; never rejects. */
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let optional: AbortController | undefined;

  return {
    async use(signal, work) {
      optional?.abort(new Error("other work needs the connection"));
      waiting += 1;
      const mine = last.then(() => withCli(cli, signal, work));
      last = mine.catch(() => undefined);
      try {
        return await mine;
      } finally {
        waiting -= 1;
      }
    },
    async useIfFree(signal, work) {
      if (waiting > 0 || optional !== undefined) return undefined;
      const controller = new AbortController();
      optional = controller;
      const abort = () => controller.abort(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      const mine = withCli(cli, controller.signal, work);
      last = mine.catch(() => undefined);
      try {
        return await mine;
      } catch {
        return undefined;
      } finally {
        signal.removeEventListener("abort", abort);
        optional = undefined;
      }
    },
  };
}
