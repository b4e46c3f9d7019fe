import { expect, test } from "vitest";
import type { View } from "../../../src/apply/guard/view.ts";
import { openLiveState } from "../../../src/apply/state/live-state.ts";
import { testDirectory } from "../../helpers/test-programs.ts";

test("what is live is known at the next start by what is registered, also if all of it is registered again and renders the same", async () => {
  const directory = await testDirectory();
  const open = async () => await openLiveState(directory.path, "edge", () => undefined);
  const state = await open();
  const generation = { number: 1, id: "a", paths: [] };
  const proof = { evidence: "1 new worker of master 4711", identity: "4711@1" };
  const result = { kind: "live", proof, wasLive: false, timings: {} } as const;
  await state.record(generation, result, { view: view("web/1", "api/2"), catalogAtMs: 1 });

  await state.sawView(view("web/1", "api/3"));
  expect(state.live?.view).toEqual(view("web/1", "api/3"));
  expect((await open()).live?.view).toEqual(view("web/1", "api/2"));

  await state.sawView(view("web/7", "api/8"));
  expect((await open()).live?.view).toEqual(view("web/7", "api/8"));
});

const view = (...instances: readonly string[]): View => ({
  instances: new Map(instances.map((it) => [it.split("/")[0] ?? "", { [it]: "passing" as const }])),
  lists: new Map([["/tree/edge/", new Set(["edge/a"])]]),
});
