import type { Caller } from "./access.ts";

export interface AdminRequest extends Caller {
  /** Without the query. */
  readonly path: string;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** With a newline at its end, for people with curl. */
export const json = (status: number, value: object): Reply => ({
  status,
  type: "application/json; charset=utf-8",
  body: `${JSON.stringify(value, null, 2)}\n`,
});

export const notFound = ({ method, path }: AdminRequest): Reply =>
  json(404, {
    error: `Cannot ${method} "${path}" as there is no such thing here`,
    hint: "Ask for /live, /ready, /metrics, /v1/status or /v1/proxies/NAME/history",
  });
