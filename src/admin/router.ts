import type { ControlledProxy } from "../apply/controlled-proxy.ts";
import type { ProxyStatus } from "../apply/proxy-status.ts";
import { denialOf } from "./access.ts";
import type { Metrics } from "./metrics.ts";
import { answerForProxy } from "./proxy-routes.ts";
import { notReady } from "./readiness.ts";
import { type AdminRequest, json, notFound, type Reply } from "./reply.ts";

/** What the admin address speaks for. */
export interface Daemon {
  readonly version: string;
  readonly startedAt: string;
  /** `undefined` while they are being set up. */
  proxies(): readonly ControlledProxy[] | undefined;
  /** Loaded when it is first asked for. */
  metrics(): Promise<Metrics>;
}

/**
 * Answers one request.
 *
 * `/live` and `/ready` answer everybody, as probes carry no token; why it is not ready is told only to who
 * may know it.
 */
export async function routeRequest(
  request: AdminRequest,
  { daemon, token }: { readonly daemon: Daemon; readonly token: string | undefined },
): Promise<Reply> {
  const denial = denialOf(request, token);
  if (request.path === "/live") return json(200, { status: "live" });
  if (request.path === "/ready") return ready(daemon, denial === undefined);
  if (denial !== undefined) {
    const { status, ...why } = denial;
    return json(status, why);
  }
  const [, name, path = ""] = /^\/v1\/proxies\/([^/]+)(?:\/(.+))?$/.exec(request.path) ?? [];
  const proxy = daemon.proxies()?.find((it) => it.status().name === name);
  if (proxy !== undefined) return await answerForProxy(proxy, path, request);
  if (request.method !== "GET" && request.method !== "HEAD") return notFound(request);
  switch (request.path) {
    case "/metrics": {
      const metrics = await daemon.metrics();
      return {
        status: 200,
        type: metrics.contentType,
        body: await metrics.text(statuses(daemon) ?? []),
      };
    }
    case "/v1/status":
      return json(200, statusOf(daemon));
    default:
      return notFound(request);
  }
}

function ready(daemon: Daemon, mayKnow: boolean): Reply {
  const reasons = notReady(statuses(daemon));
  if (reasons.length === 0) return json(200, { status: "ready" });
  return json(503, { status: "not ready", ...(mayKnow ? { reasons } : {}) });
}

/** What `/v1/status` answers. */
export interface DaemonStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly isReady: boolean;
  readonly proxies: readonly ProxyStatus[];
}

function statusOf(daemon: Daemon): DaemonStatus {
  const { version, startedAt } = daemon;
  const proxies = statuses(daemon);
  return { version, startedAt, isReady: notReady(proxies).length === 0, proxies: proxies ?? [] };
}

const statuses = ({ proxies }: Daemon): readonly ProxyStatus[] | undefined =>
  proxies()?.map((it) => it.status());
