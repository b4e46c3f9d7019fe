import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { type AnswerValue, type Query, queryText } from "../../../src/catalog/query.ts";
import type { AnswerListener, OpenSource } from "../../../src/catalog/source.ts";
import { createCatalogStore } from "../../../src/catalog/store.ts";
import { AppError } from "../../../src/errors.ts";
import {
  type KeptAnswer,
  readLastKnownGood,
  writeLastKnownGood,
} from "../../../src/source/last-known-good/last-known-good-file.ts";
import { lastKnownGoodSource } from "../../../src/source/last-known-good/last-known-good-source.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

const key = (name: string): Query & { kind: "key" } => ({ kind: "key", key: name });
const entry = (name: string, value: string): KeptAnswer => ({
  query: key(name),
  value: { key: name, value },
});
const [HERE, AWAY, DEEPER] = ["here", "away", "deeper"] as const;
const HOUR_MS = 3_600_000;

/** A run over the file `snapshot.json`, whose source answers and fails as the test says. */
function run(path: string, maxAgeMs = 24 * HOUR_MS) {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  let listener: AnswerListener | undefined;
  const inner: OpenSource = (it) => {
    listener = it;
    return { follow: () => undefined };
  };
  const source = lastKnownGoodSource(inner, { path, maxAgeMs, log: pino({ level: "silent" }) });
  const store = createCatalogStore(source, ending.signal);
  return {
    store,
    want: (...names: readonly string[]) =>
      store.want("test", new Map(names.map((name) => [queryText(key(name)), key(name)]))),
    answered: (name: string, value: AnswerValue) => listener?.answered(key(name), value),
    failed: (name: string) => listener?.failed(key(name), REFUSED),
    end: () => ending.abort(new Error("the run ends")),
  };
}

const REFUSED = new AppError("CONSUL_REFUSED", "Cannot ask Consul: No path to datacenter", {
  hint: "See that it runs",
});

test("what an earlier run saved of a query is known a moment after the start, also when the source answers", async () => {
  const path = (await testDirectory()).at("snapshot.json");
  await writeLastKnownGood(path, [entry(HERE, "old"), entry(AWAY, "old")], new Date());
  const { store, want, answered, failed } = run(path);
  let changes = 0;
  store.onChange(() => (changes += 1));
  want(HERE, AWAY);
  answered(HERE, { key: HERE, value: "new" });
  failed(AWAY);
  expect(store.kept(key(AWAY))).toBeUndefined();
  await until("it is read", () => store.kept(key(AWAY)) !== undefined);
  expect(changes).toBe(3); // an answer, a failure, what was kept
  expect(store.kept(key(AWAY))).toEqual({ key: AWAY, value: "old" });
  expect(store.kept(key(HERE))).toEqual({ key: HERE, value: "old" });
  expect(store.kept(key(DEEPER))).toBeUndefined();
  expect(store.snapshot().get(key(HERE))).toEqual({ key: HERE, value: "new" });
  expect(store.snapshot().get(key(AWAY))).toBeUndefined();
  expect(store.fallbackSince()).toBeUndefined();
});

test("what was saved stays saved for the next run while this one has no answer of its own", async () => {
  const path = (await testDirectory()).at("snapshot.json");
  const savedAt = new Date(Date.now() - HOUR_MS);
  const before = [entry(HERE, "old"), entry(AWAY, "old"), entry(DEEPER, "old")];
  await writeLastKnownGood(path, before, savedAt);
  const first = run(path);
  first.want(HERE, AWAY);
  first.answered(HERE, { key: HERE, value: "new" });
  first.failed(AWAY);
  await until("its own answer is saved", async () => (await fileAt(path)).get(HERE) === "new");
  first.end();
  expect(await fileAt(path)).toEqual(
    new Map([
      [HERE, "new"],
      [AWAY, "old"],
      [DEEPER, "old"],
    ]),
  );
  expect((await readLastKnownGood(path))?.answers.get(queryText(key(AWAY)))?.savedAt).toEqual(
    savedAt,
  );

  const tooOld = run(path, HOUR_MS / 2);
  tooOld.want(HERE, AWAY);
  await until("it is read", () => tooOld.store.kept(key(HERE)) !== undefined);
  expect(tooOld.store.kept(key(AWAY))).toBeUndefined();
  tooOld.end();

  const second = run(path);
  second.want(HERE);
  second.answered(HERE, { key: HERE, value: "newest" });
  await until("only what is followed is saved on", async () => {
    const file = await fileAt(path);
    return file.get(HERE) === "newest" && file.size === 1;
  });
});

async function fileAt(path: string): Promise<ReadonlyMap<string, string>> {
  const { answers } = (await readLastKnownGood(path)) ?? { answers: new Map() };
  return new Map(
    [...answers.values()].map(({ query, value }) => [
      (query as { readonly key: string }).key,
      (value as { readonly value: string }).value,
    ]),
  );
}
