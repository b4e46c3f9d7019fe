import { type CliAddress, type CliConnection, withCli } from "./cli-connection.ts";

/** One varnishd's CLI, used by one of us at a time: several commands at once are more than its manager takes. */
export interface CliSession {
  /**
   * Hands a connection to `work`, after whoever has one now.
   *
   * @throws what {@link withCli} throws
   */
  use<T>(signal: AbortSignal, work: (connection: CliConnection) => Promise<T>): Promise<T>;
  /**
   * The same for a look that may be missed: not while somebody else has a connection, and broken off when
   * somebody wants one.
   *
   * @returns `undefined` when it was missed, or failed
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
  let glancing: AbortController | undefined;

  return {
    async use(signal, work) {
      glancing?.abort(new Error("somebody needs the connection"));
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
      if (waiting > 0 || glancing !== undefined) return undefined;
      const controller = new AbortController();
      glancing = controller;
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
        glancing = undefined;
      }
    },
  };
}
