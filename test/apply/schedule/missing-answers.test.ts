import { expect, test } from "vitest";
import { createMissingAnswers } from "../../../src/apply/schedule/missing-answers.ts";
import { type Query, queryText } from "../../../src/catalog/query.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";

const key: Query = { kind: "key", key: "a" };
const missing = new Map([[queryText(key), key]]);
const empty = createSnapshot(new Map(), 1, 0);
const answered = createSnapshot(new Map([[queryText(key), "text"]]), 2, 0);

test("a render that would lack the same is put off for half a second, and not at all once it is there", () => {
  const lack = createMissingAnswers();
  expect(lack.persists(empty, 0)).toBe(false);
  lack.found(missing, 1_000);
  expect(lack.retryAtMs()).toBeUndefined();
  expect(lack.persists(empty, 1_100)).toBe(true);
  expect(lack.retryAtMs()).toBe(1_500);
  expect(lack.persists(answered, 1_200)).toBe(false);
  expect(lack.retryAtMs()).toBeUndefined();
  expect(lack.persists(empty, 1_500)).toBe(false);
});

test("what is forgotten puts nothing off", () => {
  const lack = createMissingAnswers();
  lack.found(missing, 1_000);
  expect(lack.persists(empty, 1_100)).toBe(true);
  lack.forget();
  expect(lack.retryAtMs()).toBeUndefined();
  expect(lack.persists(empty, 1_100)).toBe(false);
});
