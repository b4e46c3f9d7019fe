import { expect, test } from "vitest";
import { nearestName } from "../../src/config/nearest-name.ts";

test.each([
  ["adress", "address"],
  ["sgnal", "signal"],
  ["TOKEN", "token"],
  ["tokne", "token"],
  ["xylophone", undefined],
])("%s → %s", (name, expected) => {
  expect(nearestName(name, ["address", "signal", "token"])).toBe(expected);
});
