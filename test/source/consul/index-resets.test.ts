import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { createIndexResets } from "../../../src/source/consul/index-resets.ts";

test("counts connections that are lost, by query and not by attempt, and nothing that Consul said", () => {
  const lost = createIndexResets();
  const cause = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  const reset = new AppError("CONSUL", "away", { hint: "wait", cause });
  lost.note(reset, 1);
  lost.note(reset, 2);
  expect(lost.count()).toBe(1);
  lost.note(new AppError("CONSUL", "500 rpc error", { hint: "wait" }), 1);
  lost.note(new AppError("CONSUL", "timed out", { hint: "wait", cause: new Error("x") }), 1);
  lost.note(new AppError("CONSUL_REFUSED", "403", { hint: "allow it" }), 1);
  expect(lost.count()).toBe(1);
  lost.note(reset, 1);
  lost.wentBack();
  expect(lost.count()).toBe(3);
});
