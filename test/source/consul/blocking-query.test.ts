import { describe, expect, test } from "vitest";
import { blockingQuery, type IndexedAnswer } from "../../../src/source/consul/blocking-query.ts";

describe("blockingQuery()", () => {
  test("yields one answer per index, and asks with the index that it saw", async () => {
    const { asked, values, states } = await follow(
      [answer(5n, "a"), answer(5n, "a"), answer(7n, "b")],
      2,
    );
    expect(values).toEqual(["a", "b"]);
    expect(asked).toEqual([0n, 5n, 5n]);
    expect(states).toEqual(["answer", "unchanged", "answer"]);
  });

  test("an index that goes backwards starts over", async () => {
    const { asked, values, states } = await follow(
      [answer(9n, "a"), answer(3n, "b"), answer(3n, "b")],
      3,
    );
    expect(values).toEqual(["a", "b", "b"]);
    expect(asked).toEqual([0n, 9n, 0n]);
    expect(states).toEqual(["answer", "reset backwards", "answer", "answer"]);
  });

  test("after a failure the query starts over, and its answer is yielded though the index is the same", async () => {
    const { asked, values, states } = await follow(
      [answer(5n, "a"), new Error("x"), new Error("y"), answer(5n, "b")],
      2,
    );
    expect(values).toEqual(["a", "b"]);
    expect(asked).toEqual([0n, 5n, 0n, 0n]);
    expect(states).toEqual(["answer", "failed 1", "failed 2", "answer"]);
  });

  test("after another query noticed an index reset it starts over, once", async () => {
    const { asked, values, states } = await follow(
      [answer(5n, "a"), answer(6n, "b"), answer(6n, "c"), answer(7n, "d")],
      4,
      (asked) => (asked < 2 ? 0 : 1),
    );
    expect(values).toEqual(["a", "b", "c", "d"]);
    expect(asked).toEqual([0n, 5n, 0n, 6n]);
    expect(states).toEqual(["answer", "answer", "reset elsewhere", "answer", "answer"]);
  });

  test("ends only by its signal", async () => {
    const ending = new AbortController();
    const states = blockingQuery(async () => await new Promise<never>(() => undefined), {
      signal: ending.signal,
      resets: () => 0,
      pause: async () => undefined,
      random: () => 0,
    });
    ending.abort(new Error("enough"));
    await expect(Promise.race([states.next(), Promise.resolve("pending")])).resolves.toBe(
      "pending",
    );
  });
});

const answer = (index: bigint, value: string): IndexedAnswer<string> => ({ index, value });

/** @param resets how many index resets others noticed after so many requests */
async function follow(
  script: readonly (IndexedAnswer<string> | Error)[],
  count: number,
  resets: (asked: number) => number = () => 0,
) {
  const asked: bigint[] = [];
  const states: string[] = [];
  const values: string[] = [];
  const ending = new AbortController();
  const query = blockingQuery<string>(
    async (index) => {
      asked.push(index);
      const next = script[asked.length - 1];
      if (next === undefined) return await new Promise<never>(() => undefined);
      if (next instanceof Error) throw next;
      return next;
    },
    {
      signal: ending.signal,
      resets: () => resets(asked.length),
      pause: async () => undefined,
      random: () => 0,
    },
  );
  while (values.length < count) {
    const { value: state } = await query.next();
    if (state.kind === "answer") values.push(state.answer.value);
    if (state.kind === "failed") states.push(`failed ${state.failures}`);
    else if (state.kind === "reset") states.push(`reset ${state.noticed}`);
    else states.push(state.kind);
  }
  ending.abort();
  return { asked, values, states };
}
