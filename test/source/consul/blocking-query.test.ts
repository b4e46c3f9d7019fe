import { describe, expect, test } from "vitest";
import { blockingQuery, type IndexedAnswer } from "../../../src/source/consul/blocking-query.ts";
import { retryDelayMs } from "../../../src/source/consul/retry-delay.ts";

describe("blockingQuery()", () => {
  test("yields one value per index, and asks with the index that it saw", async () => {
    const { asked, values } = await follow([answer(5n, "a"), answer(5n, "a"), answer(7n, "b")], 2);
    expect(values).toEqual(["a", "b"]);
    expect(asked).toEqual([0n, 5n, 5n]);
  });

  test("an index that goes backwards starts over", async () => {
    const told = await follow([answer(9n, "a"), answer(3n, "b"), answer(3n, "b")], 3);
    const { asked, values, wentBack } = told;
    expect(values).toEqual(["a", "b", "b"]);
    expect(asked).toEqual([0n, 9n, 0n]);
    expect(wentBack).toBe(1);
  });

  test("after a failure the query is read anew, and what it gives is yielded though the index is the same", async () => {
    const { asked, values, failures } = await follow(
      [answer(5n, "a"), new Error("x"), new Error("y"), answer(5n, "b")],
      2,
    );
    expect(values).toEqual(["a", "b"]);
    expect(asked).toEqual([0n, 5n, 0n, 0n]);
    expect(failures).toEqual([1, 2]);
  });

  test("after another query's connection was lost it is read anew, once", async () => {
    const { asked, values, doubts } = await follow(
      [answer(5n, "a"), answer(6n, "b"), answer(6n, "c"), answer(7n, "d")],
      4,
      (asked) => (asked < 2 ? 0 : 1),
    );
    expect(values).toEqual(["a", "b", "c", "d"]);
    expect(asked).toEqual([0n, 5n, 0n, 6n]);
    expect(doubts).toBe(1);
  });

  test("ends only by its signal", async () => {
    const ending = new AbortController();
    const values = blockingQuery(async () => await new Promise<never>(() => undefined), {
      signal: ending.signal,
      onFailure: () => undefined,
      losses: () => 0,
      onWentBack: () => undefined,
      onDoubt: () => undefined,
      onUnchanged: () => undefined,
      pause: async () => undefined,
      random: () => 0,
    });
    ending.abort(new Error("enough"));
    await expect(Promise.race([values.next(), Promise.resolve("pending")])).resolves.toBe(
      "pending",
    );
  });
});

test("retryDelayMs() doubles to at most 3 s, spread by a quarter", () => {
  expect([1, 2, 3, 6, 20].map((failures) => retryDelayMs(failures, 0.5))).toEqual([
    100, 200, 400, 3_000, 3_000,
  ]);
  expect([0, 1].map((random) => retryDelayMs(20, random))).toEqual([2_250, 3_750]);
});

const answer = (index: bigint, value: string): IndexedAnswer<string> => ({ index, value });

/** @param losses how many connections were lost by others after so many requests */
async function follow(
  script: readonly (IndexedAnswer<string> | Error)[],
  count: number,
  losses: (asked: number) => number = () => 0,
) {
  let doubts = 0;
  let wentBack = 0;
  const asked: bigint[] = [];
  const failures: number[] = [];
  const values: string[] = [];
  const ending = new AbortController();
  const answers = blockingQuery<string>(
    async (index) => {
      asked.push(index);
      const next = script[asked.length - 1];
      if (next === undefined) return await new Promise<never>(() => undefined);
      if (next instanceof Error) throw next;
      return next;
    },
    {
      signal: ending.signal,
      onFailure: (_, inARow) => void failures.push(inARow),
      losses: () => losses(asked.length),
      onDoubt: () => {
        doubts += 1;
      },
      onWentBack: () => {
        wentBack += 1;
      },
      onUnchanged: () => undefined,
      pause: async () => undefined,
      random: () => 0,
    },
  );
  while (values.length < count) values.push((await answers.next()).value.value);
  ending.abort();
  return { asked, values, failures, doubts, wentBack };
}
