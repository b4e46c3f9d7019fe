/** Each of four follows each other one directly in exactly one of these (a Williams design). */
const FEW = [
  [0, 1, 3, 2],
  [1, 2, 0, 3],
  [2, 3, 1, 0],
  [3, 0, 2, 1],
] as const;

/**
 * Orders of four things in which each pair comes both ways, one right after the other: four of them, or all that there
 * are where the environment says so.
 */
export const ordersOf = <T>(things: readonly [T, T, T, T]): readonly (readonly T[])[] =>
  process.env["FAIRLEAD_ORDERS"] === "all"
    ? permutationsOf(things)
    : FEW.map((order) => order.map((index) => things[index]));

function permutationsOf<T>(things: readonly T[]): readonly (readonly T[])[] {
  if (things.length === 0) return [[]];
  return things.flatMap((first) =>
    permutationsOf(things.filter((it) => it !== first)).map((rest) => [first, ...rest]),
  );
}
