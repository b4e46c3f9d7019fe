import { expect, test } from "vitest";
import { comparableView } from "../../../src/apply/guard/comparable-view.ts";
import { groupOf, type View } from "../../../src/apply/guard/view.ts";
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

test("and the lists that both ask for, even if they are empty now", () => {
  const tree = { kind: "tree", prefix: "edge/" } as const;
  const snapshot = createSnapshot(new Map<string, AnswerValue>([[queryText(tree), []]]), 1);
  const lists = (before: Query, now: Query) => [
    ...comparableView(VIEW, { before: asked(before), now: asked(now), snapshot }).lists.keys(),
  ];
  expect(lists(tree, tree)).toEqual(["/tree/edge/"]);
  expect(lists(tree, SERVICES)).toEqual([]);
  expect(lists(SERVICES, tree)).toEqual([]);
});

const VIEW: View = {
  instances: new Map(
    ["web", "api", "old"].map((name) => [
      `dc1/service/${name}`,
      { [`n\t${name}-1`]: "passing" as const },
    ]),
  ),
  lists: new Map([["/tree/edge/", new Set(["edge/a"])]]),
};

const namesOf = ({ instances }: View): readonly string[] =>
  [...instances.keys()].map((group) => groupOf(group).name);

const service = (name: string, tag?: string): Query =>
  tag === undefined ? { kind: "service", name } : { kind: "service", name, tag };

const asked = (...queries: readonly Query[]): ReadonlyMap<string, Query> =>
  new Map(queries.map((query) => [queryText(query), query]));

const of = (list: AnswerValue<typeof SERVICES>) =>
  createSnapshot(new Map<string, AnswerValue>([[queryText(SERVICES), list]]), 1);
