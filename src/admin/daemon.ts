import type { ControlledProxy } from "../apply/controlled-proxy.ts";
import type { ProxyStatus } from "../apply/proxy-status.ts";
import type { Metrics } from "./metrics.ts";
import { unreadyReasons } from "./readiness.ts";

/** The running program, as the admin address shows it. */
export interface RunningDaemon {
  readonly version: string;
  readonly startedAt: string;
  /** `undefined` while they are being set up. */
  proxies(): readonly ControlledProxy[] | undefined;
  /** Loaded when it is first asked for. */
  metrics(): Promise<Metrics>;
}

/** What `/v1/status` answers. */
export interface DaemonStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly isReady: boolean;
  readonly proxies: readonly ProxyStatus[];
}

export function daemonStatus(daemon: RunningDaemon): DaemonStatus {
  const { version, startedAt } = daemon;
  const proxies = proxyStatuses(daemon);
  const isReady = unreadyReasons(proxies).length === 0;
  return { version, startedAt, isReady, proxies: proxies ?? [] };
}

/** `undefined` while the proxies are being set up. */
export const proxyStatuses = ({ proxies }: RunningDaemon): readonly ProxyStatus[] | undefined =>
  proxies()?.map((it) => it.status());
