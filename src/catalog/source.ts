import type { AppError } from "../errors.ts";
import type { AnswerValue, Query } from "./query.ts";

/** Receives what a source learns about the queries that it follows, and about no others. */
export interface AnswerListener {
  /** The source answered. The value may equal the last one. */
  answered(query: Query, value: AnswerValue): void;
  /** An attempt failed. The source goes on trying; the last answer stays in force. */
  failed(query: Query, error: AppError): void;
  /** From now on the fallback replaces missing answers: those of an earlier run, saved then. `undefined` ends that. */
  fallback?(savedAt: Date | undefined): void;
  /** What an earlier run saved was read: its answers, by their query's canonical text. They replace no answer. */
  kept?(answers: ReadonlyMap<string, AnswerValue>): void;
  /** Reads what an earlier run saved: its answers, by their query's canonical text; nothing when there is none. */
  saved?(): Promise<ReadonlyMap<string, AnswerValue> | undefined>;
}

/** Where answers come from. Implementations stand to the right, under `source/`. */
export interface Source {
  /**
   * Replaces the set of followed queries, keyed by canonical text. Answers go to the listener until
   * the source's signal aborts.
   */
  follow(queries: ReadonlyMap<string, Query>): void;
}

/** Opens a source that reports to `listener` and ends all its work once `signal` aborts. */
export type OpenSource = (listener: AnswerListener, signal: AbortSignal) => Source;
