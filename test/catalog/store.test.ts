import { expect, onTestFinished, test } from "vitest";
import { type Query, queryText } from "../../src/catalog/query.ts";
import type { AnswerListener } from "../../src/catalog/source.ts";
import { createCatalogStore } from "../../src/catalog/store.ts";
import { AppError } from "../../src/errors.ts";

const QUERY: Query = { kind: "key", key: "edge" };
const AWAY = new AppError("CONSUL", "Cannot ask Consul: connect ECONNREFUSED", {
  hint: "Start it",
});

test("a query that begins to fail, and one that is answered again, is a change; a repeated failure is none", () => {
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  let listener: AnswerListener | undefined;
  const store = createCatalogStore((it) => {
    listener = it;
    return { follow: () => undefined };
  }, ending.signal);
  store.want("test", new Map([[queryText(QUERY), QUERY]]));
  let changes = 0;
  store.onChange(() => (changes += 1));
  const changesAfter = (step: () => void): number => {
    const before = changes;
    step();
    return changes - before;
  };
  const answer = () => listener?.answered(QUERY, { key: "edge", value: "1" });
  const fail = () => listener?.failed(QUERY, AWAY);

  expect(changesAfter(answer)).toBe(1);
  const snapshot = store.snapshot();
  expect(changesAfter(fail)).toBe(1);
  expect(changesAfter(fail)).toBe(0);
  expect(changesAfter(answer)).toBe(1);
  expect(changesAfter(answer)).toBe(0);
  expect(store.snapshot()).toBe(snapshot);
  expect(changesAfter(() => listener?.failed({ kind: "key", key: "other" }, AWAY))).toBe(0);
});
