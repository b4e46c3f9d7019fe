import type { AnswerValue, Query } from "../../catalog/query.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type KeptAnswer, type LastKnownGood, readLastKnownGood } from "./last-known-good-file.ts";

/** What an earlier run saved. The file is read once, before this run writes its own. */
export interface SavedAnswers {
  /** Resolves with what is young enough; `undefined` when there is no file that can be used. The reason is logged. */
  read(): Promise<LastKnownGood | undefined>;
  /**
   * The answers that are saved once more, although this run has no answer of its own: of queries that are followed, and of
   * all while one fails, as what it leads to may be asked later.
   */
  carriedOver(now: {
    readonly answers: ReadonlyMap<string, unknown>;
    readonly followed: ReadonlyMap<string, Query>;
    readonly isFresh: boolean;
  }): readonly KeptAnswer[];
}

export function createSavedAnswers({
  path,
  maxAgeMs,
  log,
}: {
  readonly path: string;
  readonly maxAgeMs: number;
  readonly log: Log;
}): SavedAnswers {
  let reading: Promise<LastKnownGood | undefined> | undefined;
  let saved: LastKnownGood | undefined;

  return {
    async read() {
      reading ??= readYoung();
      saved = await reading;
      return saved;
    },
    carriedOver({ answers, followed, isFresh }) {
      if (saved === undefined) return [];
      const { savedAt } = saved;
      return [...saved.answers]
        .filter(([text]) => !answers.has(text) && (!isFresh || followed.has(text)))
        .map(([, answer]) => ({ ...answer, savedAt: answer.savedAt ?? savedAt }));
    },
  };

  async function readYoung(): Promise<LastKnownGood | undefined> {
    try {
      const file = await readLastKnownGood(path);
      if (file === undefined) return undefined;
      const isYoung = (savedAt: Date): boolean => Date.now() - savedAt.getTime() <= maxAgeMs;
      const young = [...file.answers].filter(([, it]) => isYoung(it.savedAt ?? file.savedAt));
      return { savedAt: file.savedAt, answers: new Map(young) };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ err: error, hint: error.hint }, error.message);
      return undefined;
    }
  }
}

/** The values of saved answers, by their query's canonical text. */
export const valuesOf = ({ answers }: LastKnownGood): ReadonlyMap<string, AnswerValue> =>
  new Map([...answers].map(([text, { value }]) => [text, value]));
