import type { KeyValue } from "../../../catalog/instance.ts";
import { elementsOf } from "../../../catalog/part.ts";
import { type AnswerValue, type Query, queryText } from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import { believeKeys, believeNoKeys } from "./believe-keys.ts";
import { believeNode, believeNodes } from "./believe-nodes.ts";
import { believeInstances, believeServices } from "./believe-services.ts";
import { type Believed, believed } from "./believed.ts";
import type { Judgement } from "./judgement.ts";
import { isEmpty, lostSince, withLost } from "./lost-parts.ts";
import * as unseen from "./unseen.ts";

/**
 * Decides what of an answer of Consul is believed: what is gone from it may only be out of the token's sight. Whatever was
 * really removed is believed at once.
 *
 * @throws {AppError} CONSUL_UNSEEN when nothing of it is, else what `ask` throws
 */
export async function believe(
  query: Query,
  answer: IndexedAnswer<AnswerValue>,
  judgement: Judgement,
): Promise<IndexedAnswer<Believed>> {
  const { before, isContinued } = judgement;
  const isSilent = isContinued && before?.index === answer.index;
  const lost = isSilent ? lostSince(query, before.value, answer.value) : 0;
  if (before !== undefined && lost > 0 && query.kind !== "services") {
    const count = elementsOf(query, before.value).size;
    const value = withLost(query, before.value, answer.value);
    return { ...answer, value: { value, doubt: unseen.seesLess(queryText(query), lost, count) } };
  }
  switch (query.kind) {
    case "services":
      return believed(answer, await believeServices(query, answer, { ...judgement, isSilent }));
    case "service":
    case "connect":
      return await believeInstances(query, answer, judgement);
    case "nodes":
      return believed(answer, await believeNodes(query, answer, judgement));
    case "node":
      return believed(answer, await believeNode(query, answer, judgement));
    case "tree":
      return believed(
        answer,
        before === undefined
          ? await believeNoKeys(query, answer.value as readonly KeyValue[], judgement.ask)
          : await believeKeys(query, {
              before: before.value as readonly KeyValue[],
              after: answer.value as readonly KeyValue[],
              ask: judgement.ask,
            }),
      );
    case "prepared": {
      // Its answers have no index of their own.
      const isEmptied = isEmpty(answer.value) && before !== undefined && !isEmpty(before.value);
      if (isEmptied && judgement.sight.isNarrow()) throw lessThan(query, before.value);
      return believed(answer, { value: answer.value });
    }
    case "key": // Consul refuses what the token may not read
    case "datacenters":
    case "caRoots":
    case "caLeaf":
    case "file":
    case "interfaces":
      return believed(answer, { value: answer.value });
  }
}

const lessThan = (query: Query, before: AnswerValue): AppError => {
  const { size } = elementsOf(query, before);
  return unseen.seesLess(queryText(query), size, size);
};
