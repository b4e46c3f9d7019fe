import { expect, test } from "vitest";
import { comparableView } from "../../../src/apply/guard/comparable-view.ts";
import type { View } from "../../../src/apply/guard/view.ts";
import { type AnswerValue, type Query, queryText } from "../../../src/catalog/query.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";

const SERVICES = { kind: "services" } as const;

test("of a view other templates can compare what they ask alike", () => {
  const before = asked(service("web"), service("api"), service("old", "blue"));
  const now = asked(service("web"), service("old", "green"), service("new"));
  expect(namesOf(comparableView(VIEW, { before, now, snapshot: of([]) }))).toEqual(["web"]);
});

test("and what is in no list of services any more, where both ask for one", () => {
  const list = of([{ name: "web", tags: [] }]);
  const [before, now] = [asked(SERVICES, service("api")), asked(SERVICES)];
  const both = { before, now, snapshot: list };
  expect(namesOf(comparableView(VIEW, both))).toEqual(["api", "old"]);
  expect(namesOf(comparableView(VIEW, { ...both, before: asked(service("api")) }))).toEqual([]);
});

const VIEW: View = new Map(
  ["web", "api", "old"].map((name) => [name, { [`${name}-1`]: "passing" as const }]),
);

const namesOf = (view: View): readonly string[] => [...view.keys()];

const service = (name: string, tag?: string): Query =>
  tag === undefined ? { kind: "service", name } : { kind: "service", name, tag };

const asked = (...queries: readonly Query[]): ReadonlyMap<string, Query> =>
  new Map(queries.map((query) => [queryText(query), query]));

const of = (list: AnswerValue<typeof SERVICES>) =>
  createSnapshot(new Map<string, AnswerValue>([[queryText(SERVICES), list]]), 1);
