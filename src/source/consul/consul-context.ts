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
import type { Ask } from "./token-sight/presence.ts";
import type { SavedAnswer } from "./token-sight/saved-answer.ts";
import type { Sight } from "./token-sight/sight.ts";
import type { TokenChanges } from "./token-sight/token-changes.ts";

/** What everything that reads from one Consul agent shares. */
export interface ConsulContext {
  readonly config: ConsulConfig;
  readonly client: ConsulClient;
  readonly listener: AnswerListener;
  readonly outage: Outage;
  readonly indexResets: IndexResets;
  readonly sight: Sight;
  readonly tokenChanges: TokenChanges;
  /** Reads what an answer is compared with before it is believed. */
  readonly ask: Ask;
  /** Finds what the first answer to a query is compared with. */
  readonly savedAnswer: SavedAnswer;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the source is closed. */
  readonly signal: AbortSignal;
  /** Sockets for blocking queries. Together with `reads` never more than `maxConnections`. */
  readonly polls: Semaphore;
  /** Sockets for plain reads. */
  readonly reads: Semaphore;
  /** The sockets for blocking queries that nothing else needs. */
  readonly spares: SpareSockets;
  /** How long Consul may hold a blocking query: shorter while they share sockets. */
  waitMs(): number;
}

/** The failure, when it is an expected one. @throws anything else: a bug */
export function expectedError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  throw error instanceof Error ? error : new Error(messageOf(error));
}
