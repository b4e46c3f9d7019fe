import type { AdminRoute } from "./admin-route.ts";
import { daemonStatus, proxyStatuses } from "./daemon.ts";
import { PROXY_ROUTES } from "./proxy-routes.ts";
import { unreadyReasons } from "./readiness.ts";
import { json } from "./reply.ts";

/** Statuses that every route with access for operators answers besides its own. */
export const REFUSALS: Readonly<Record<number, string>> = {
  401: "The token is missing or wrong.",
  403: "The command comes from another site's page in a browser.",
  404: "There is no such route or proxy.",
  413: "The body is larger than 16 KiB.",
  415: "The body of a command is not `application/json`.",
  421: "No token is set, and the `Host` header is neither an IP address nor `localhost`.",
  500: "Fairlead has a bug. Its log has the details.",
};

/** Every route of the admin address. The router answers from this table, and the documentation is made from it. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  {
    method: "GET",
    path: "/live",
    summary: "Whether the program runs. For liveness probes.",
    access: "everyone",
    statuses: { 200: "The program runs." },
    example: { answer: '{ "status": "live" }' },
    answer: () => json(200, { status: "live" }),
  },
  {
    method: "GET",
    path: "/ready",
    summary: "Whether every proxy serves its live generation. For readiness probes.",
    access: "everyone",
    statuses: {
      200: "Every proxy is proved to serve its live generation.",
      503: "A proxy is not. Operators also get a reason per proxy.",
    },
    example: {
      answer: '{ "status": "not ready", "reasons": ["edge: waiting for service web|passing"] }',
    },
    answer: ({ daemon, isOperator }) => {
      const reasons = unreadyReasons(proxyStatuses(daemon));
      if (reasons.length === 0) return json(200, { status: "ready" });
      return json(503, { status: "not ready", ...(isOperator ? { reasons } : {}) });
    },
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "All metrics, in Prometheus' text format.",
    access: "operators",
    statuses: { 200: "The metrics." },
    example: { answer: 'fairlead_served{proxy="edge"} 1' },
    async answer({ daemon }) {
      const metrics = await daemon.metrics();
      const body = await metrics.text(proxyStatuses(daemon) ?? []);
      return { status: 200, type: metrics.contentType, body };
    },
  },
  {
    method: "GET",
    path: "/v1/status",
    summary:
      "The state of the daemon and of each proxy: live and desired generation, lag, missing answers, and what is held, left out, pinned, damped or failed.",
    access: "operators",
    statuses: { 200: "The state." },
    example: {
      answer:
        '{ "version": "0.1.0", "startedAt": "2026-11-24T12:00:00.000Z", "isReady": true, "proxies": [{ "name": "edge", … }] }',
    },
    answer: ({ daemon }) => json(200, daemonStatus(daemon)),
  },
  ...PROXY_ROUTES,
];
