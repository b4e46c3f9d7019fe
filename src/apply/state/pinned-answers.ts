import { join } from "node:path";
import { z } from "zod";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import { AppError } from "../../errors.ts";
import {
  type OnUnusable,
  openStateDirectory,
  readStateJson,
  writeStateFile,
} from "../disk/state-directory.ts";
import type { LingeringService } from "../in-force/lingering-services.ts";

const fileSchema = z.object({
  lingering: z
    .array(
      z.object({
        service: z.string(),
        instances: z.array(z.looseObject({ id: z.string() })),
        untilMs: z.number(),
      }),
    )
    .default([]),
  answers: z.array(z.object({ query: z.looseObject({ kind: z.string() }), value: z.unknown() })),
});

/** An answer in force that is older than the newest one. */
export interface PinnedAnswer {
  readonly query: Query;
  readonly value: AnswerValue;
}

/** The answers in force that are older than the newest ones, kept across restarts. */
export interface PinnedAnswers {
  /** What an earlier run had in force of a query, where that was not the newest answer. */
  get(query: Query): AnswerValue | undefined;
  /** Keeps these from now on. A state directory that fails is reported, and ends nothing. */
  save(answers: readonly PinnedAnswer[], lingering: readonly LingeringService[]): void;
  /** Services that lingered in an earlier run. */
  readonly lingered: readonly LingeringService[];
}

/** What is asked of Consul, but not written to a disk: private keys. */
const NEVER_KEPT: ReadonlySet<Query["kind"]> = new Set(["caLeaf"]);

/** @throws {AppError} SWAP when the state directory cannot be used */
export function openPinnedAnswers(
  state: string,
  proxy: string,
  onUnusable: OnUnusable,
): PinnedAnswers {
  const path = join(state, proxy, "pinned.json");
  const { answers: stored = [], lingering = [] } =
    readStateJson(path, fileSchema, onUnusable) ?? {};
  const earlier = new Map(
    stored.map(({ query, value }) => [queryText(query as unknown as Query), value as AnswerValue]),
  );
  let saved = textOf(stored, lingering);
  let writing = Promise.resolve();

  return {
    get: (query) => earlier.get(queryText(query)),
    lingered: lingering as unknown as readonly LingeringService[],
    save(answers, lingers) {
      if (answers.length + lingers.length === 0 && saved === NOTHING) return;
      const text = textOf(
        answers.filter(({ query }) => !NEVER_KEPT.has(query.kind)),
        lingers,
      );
      if (text === saved) return;
      saved = text;
      writing = writing.then(() => write(text));
    },
  };

  async function write(text: string): Promise<void> {
    try {
      openStateDirectory(state);
      openStateDirectory(join(state, proxy));
      await writeStateFile(path, text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      onUnusable(error);
    }
  }
}

const textOf = (answers: readonly unknown[], lingering: readonly unknown[]): string =>
  `${JSON.stringify({ answers, lingering })}\n`;

const NOTHING = textOf([], []);
