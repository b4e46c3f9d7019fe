/** Each of four follows each other one directly in exactly one of these (a Williams design). */
const ORDERS = [
  [0, 1, 3, 2],
  [1, 2, 0, 3],
  [2, 3, 1, 0],
  [3, 0, 2, 1],
] as const;

/** Orders of four things in which each pair comes both ways, one right after the other. */
export const ordersOf = <T>(things: readonly [T, T, T, T]): readonly (readonly T[])[] =>
  ORDERS.map((order) => order.map((index) => things[index]));
