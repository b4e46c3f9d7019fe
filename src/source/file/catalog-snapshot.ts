import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { Catalog } from "./catalog-file.ts";
import { answerFrom } from "./file-source.ts";

/** A snapshot that answers every query from one catalog, at once. What only Consul could answer stays open. */
export function catalogSnapshot(catalog: Catalog): Snapshot {
  const answers = new Map<string, AnswerValue | undefined>();
  return {
    version: 1,
    takenAtMs: 0,
    get<Q extends Query>(query: Q) {
      const text = queryText(query);
      // The same object each time: what is derived from an answer is kept by it.
      if (!answers.has(text)) answers.set(text, answerFrom(catalog, query));
      return answers.get(text) as AnswerValue<Q> | undefined;
    },
  };
}
