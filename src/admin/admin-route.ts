import type { RunningDaemon } from "./daemon.ts";
import type { AdminRequest, Reply } from "./reply.ts";

/** One route of the admin address. */
export interface AdminRoute {
  readonly method: "GET" | "POST";
  /** Each part that varies is in braces, such as `/v1/proxies/{name}`. */
  readonly path: string;
  readonly summary: string;
  /** `everyone`: also without the token. `operators`: who has the token, or is on this machine when none is set. */
  readonly access: "everyone" | "operators";
  /** Each status that it answers, with its meaning. */
  readonly statuses: Readonly<Record<number, string>>;
  readonly example: { readonly body?: string; readonly answer: string };
  readonly answer: (call: AdminCall) => Reply | Promise<Reply>;
}

/** A request to a route. */
export interface AdminCall {
  readonly request: AdminRequest;
  readonly daemon: RunningDaemon;
  /** The parts of the path that vary. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether the caller may see more than everyone. */
  readonly isOperator: boolean;
}
