import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { createOutage } from "../../../src/source/consul/outage.ts";
import { steppedClock } from "../../helpers/stepped-clock.ts";

const REFUSED = new AppError("CONSUL_REFUSED", "403", { hint: "allow it" });
const ERROR = new AppError("CONSUL", "away", { hint: "wait" });

describe("the outage", () => {
  test("answers after it are delivered when the last query that failed has one", () => {
    const { outage, delivered, answer } = open();
    for (const query of ["a", "b"]) outage.failed(query, ERROR, 1);
    answer("a");
    answer("other");
    expect(delivered).toEqual([]);
    answer("b");
    expect(delivered).toEqual(["a", "other", "b"]);
    answer("a");
    expect(delivered).toHaveLength(4);
  });

  test("a query that goes on failing fails alone: later changes of others are delivered at once", () => {
    const { outage, delivered, answer, clock } = open();
    for (const query of ["a", "forbidden"]) outage.failed(query, ERROR, 1);
    answer("a");
    clock.advance(2_999);
    expect(delivered).toEqual([]);
    clock.advance(1);
    expect(delivered).toEqual(["a"]);
    outage.failed("forbidden", ERROR, 2);
    answer("a");
    expect(delivered).toEqual(["a", "a"]);
    answer("forbidden");
    expect(delivered).toEqual(["a", "a", "forbidden"]);
  });

  test("a query that Consul refuses while it answers others delays no answer, even when it was refused first", () => {
    const { outage, delivered, answer, clock } = open();
    outage.failed("forbidden", REFUSED, 1); // at a start
    answer("a");
    expect(delivered).toEqual([]);
    outage.failed("forbidden", REFUSED, 2);
    expect(delivered).toEqual(["a"]);

    for (const query of ["a", "forbidden", "later"]) outage.failed(query, ERROR, 1);
    answer("a");
    outage.failed("later", REFUSED, 2);
    expect(delivered).toEqual(["a", "a"]);

    const other = open();
    other.outage.failed("forbidden", REFUSED, 1);
    other.answer("a");
    other.clock.advance(500); // its next attempt is far off
    expect(other.delivered).toEqual(["a"]);
    clock.advance(10_000);
    expect(delivered).toHaveLength(2);
  });

  test("while answers keep coming the rest is waited for, but no longer than 10 s", () => {
    const { outage, delivered, answer, clock } = open();
    for (let i = 0; i < 9; i += 1) outage.failed(`q${i}`, ERROR, 1);
    for (let i = 0; i < 4; i += 1) {
      answer(`q${i}`);
      clock.advance(2_400);
    }
    expect(delivered).toEqual([]);
    clock.advance(400);
    expect(delivered).toHaveLength(4);
  });

  test("3,000 queries together retry at most 20 times a second, and within seconds once one is answered", async () => {
    const { outage, clock } = open();
    const queries = Array.from({ length: 3_000 }, (_, i) => `q${i}`);
    for (const query of queries) outage.failed(query, ERROR, 1);
    const tries: string[] = [];
    let isBack = false;
    const retry = async (query: string): Promise<void> => {
      await outage.pause(100, new AbortController().signal);
      tries.push(query);
      if (isBack) return outage.answered(query, () => undefined);
      outage.failed(query, ERROR, 2);
      await retry(query);
    };
    const retries = queries.map(retry);
    for (let second = 0; second < 600; second += 1) await clock.pass(1_000);
    expect(tries.length / 600).toBeLessThan(21);
    isBack = true;
    for (let step = 0; step < 50; step += 1) await clock.pass(100);
    await Promise.all(retries);
  });

  test("the end of queries, as at a shutdown, does not count as an answer of Consul", () => {
    const { outage, answer, logged } = open();
    for (const query of ["a", "b"]) outage.failed(query, ERROR, 1);
    for (const query of ["a", "b"]) outage.forget(query);
    expect(logged).toEqual(["away; the last answers stay in force"]);
    outage.failed("a", ERROR, 1);
    outage.failed("b", ERROR, 1);
    answer("a");
    outage.forget("b");
    expect(logged.slice(1)).toEqual([
      "away; the last answers stay in force",
      "Consul answers again",
    ]);
  });
});

function open() {
  const clock = steppedClock();
  const delivered: string[] = [];
  const logged: string[] = [];
  const write = (line: string) =>
    void logged.push((JSON.parse(line) as { readonly msg: string }).msg);
  const outage = createOutage(pino({ level: "info" }, { write }), clock);
  const answer = (query: string) => outage.answered(query, () => void delivered.push(query));
  return { outage, clock, delivered, logged, answer };
}
