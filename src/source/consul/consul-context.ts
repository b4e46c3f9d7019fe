import type { AnswerListener } from "../../catalog/source.ts";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "./clock.ts";
import type { ConsulClient } from "./consul-client.ts";
import type { IndexResets } from "./index-resets.ts";
import type { Outage } from "./outage.ts";
import type { Semaphore } from "./semaphore.ts";
import type { SpareSockets } from "./spare-sockets.ts";

/** What everything that asks one Consul agent shares. */
export interface ConsulContext {
  readonly config: ConsulConfig;
  readonly client: ConsulClient;
  readonly listener: AnswerListener;
  readonly outage: Outage;
  readonly indexResets: IndexResets;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the source is closed. */
  readonly signal: AbortSignal;
  /** Sockets for blocking queries. Together with `reads` never more than `maxConnections`. */
  readonly polls: Semaphore;
  /** Sockets for plain reads. */
  readonly reads: Semaphore;
  /** Of those for blocking queries, the ones that can be done without. */
  readonly spares: SpareSockets;
  /** How long Consul may hold a blocking query: less while they take turns. */
  waitMs(): number;
}

/** The failure, when it is an expected one. @throws what is none: a bug */
export function expected(error: unknown): AppError {
  if (error instanceof AppError) return error;
  throw error instanceof Error ? error : new Error(messageOf(error));
}
