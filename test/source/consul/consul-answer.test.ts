import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { type ConsulQuery, parseConsulAnswer } from "../../../src/source/consul/consul-answer.ts";

const QUERIES: readonly ConsulQuery[] = [
  { kind: "service", name: "web" },
  { kind: "services" },
  { kind: "nodes" },
  { kind: "datacenters" },
  { kind: "key", key: "k" },
  { kind: "tree", prefix: "p" },
  { kind: "connect", name: "web" },
  { kind: "prepared", prepared: "q" },
  { kind: "node", node: "n" },
  { kind: "caRoots" },
  { kind: "caLeaf", service: "web" },
];

describe("parseConsulAnswer()", () => {
  test("takes any JSON at all, or refuses it as an expected failure", () => {
    fc.assert(
      fc.property(fc.constantFrom(...QUERIES), fc.jsonValue(), (query, body) => {
        try {
          expect(parseConsulAnswer(query, body)).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("gives the same value whatever order Consul answered in", () => {
    const entry = (port: number, node: string) => ({
      Node: { Node: node },
      Service: { ID: `s${port}`, Service: "s", Address: "10.0.0.1", Port: port },
      Checks: [],
    });
    const entries = [entry(2, "a"), entry(1, "b"), entry(1, "a")];
    const query = QUERIES[0] as ConsulQuery;
    expect(parseConsulAnswer(query, entries.toReversed())).toEqual(
      parseConsulAnswer(query, entries),
    );
  });

  test.each([
    [[], "passing"],
    [["passing"], "passing"],
    [["passing", "warning"], "warning"],
    [["warning", "critical"], "critical"],
  ])("checks %j make it %s", (states, expected) => {
    const body = [
      { Node: {}, Service: {}, Checks: states.map((Status) => ({ CheckID: "c", Status })) },
    ];
    expect(parseConsulAnswer({ kind: "service", name: "s" }, body)).toMatchObject([
      { status: expected },
    ]);
  });

  test("an empty address is the node's", () => {
    const body = [{ Node: { Address: "10.0.0.9" }, Service: { Address: "", Port: 1 }, Checks: [] }];
    expect(parseConsulAnswer({ kind: "service", name: "s" }, body)).toMatchObject([
      { address: "10.0.0.9" },
    ]);
  });
});
