import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { createIndexResets } from "../../../src/source/consul/index-resets.ts";

test("counts lost connections by query, not by attempt, and no error that Consul itself reports", () => {
  const resets = createIndexResets();
  const cause = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  const reset = new AppError("CONSUL", "away", { hint: "wait", cause });
  resets.failed(reset, 1);
  resets.failed(reset, 2);
  expect(resets.count()).toBe(1);
  resets.failed(new AppError("CONSUL", "500 rpc error", { hint: "wait" }), 1);
  resets.failed(new AppError("CONSUL", "timed out", { hint: "wait", cause: new Error("x") }), 1);
  resets.failed(new AppError("CONSUL_REFUSED", "403", { hint: "allow it" }), 1);
  expect(resets.count()).toBe(1);
  resets.failed(reset, 1);
  resets.wentBackwards();
  expect(resets.count()).toBe(3);
});
