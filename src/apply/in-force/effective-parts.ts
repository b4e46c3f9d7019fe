import type { Instance } from "../../catalog/instance.ts";
import type { Element } from "../../catalog/part.ts";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";

/** Why a query goes on with an older answer, or with an older part of one. */
export type PinCause =
  /** Its newest data is in quarantine. */
  | "fault"
  /** What it had is lost, and the guard holds that. */
  | "held"
  /** The source has no answer while others answer. */
  | "unanswered"
  /** What the template cannot do without was removed. */
  | "removed";

/** What effective answers are made from. */
export interface EffectiveParts {
  readonly newest: Snapshot;
  /** The last answer in force. */
  readonly inForce: (query: Query) => AnswerValue | undefined;
  readonly quarantine: Pick<Quarantine, "concerns" | "has">;
  /** Parts that are left out as well, by canonical text; `drop` without an older one in their place. */
  readonly without?: ReadonlySet<string>;
  /** Parts whose older data is not used either, as it was found at fault too. */
  readonly dropped: ReadonlySet<string>;
  /** Whether what was lost is kept. */
  readonly isHeld: boolean;
  /** Whether the guard asks for a least number of passing instances of a service: then those that fail are kept, too. */
  readonly hasMinimum: (service: string) => boolean;
  /** Whether the source fails to answer a query, by canonical text. */
  readonly isFailing: (text: string) => boolean;
  /** Whether another service has an instance's address and port in the newest answers. */
  readonly isAnothers: (instance: Instance) => boolean;
  /** The last list that was composed for each query: while its entries are equal it stays the same object. */
  readonly composed: Map<string, readonly Element[]>;
}

/** What is noted while answers are composed. */
export interface Notes {
  readonly text: string;
  readonly pinned: Map<string, PinCause>;
  readonly dropped: Set<string>;
}
