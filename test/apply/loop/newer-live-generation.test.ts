import { describe, expect, test } from "vitest";
import { EMPTY_VIEW } from "../../../src/apply/guard/view.ts";
import { createNewerLiveGeneration } from "../../../src/apply/loop/newer-live-generation.ts";

describe("the catalog that stands in", () => {
  test("is outdone by a generation that was made from a newer one, for as long as it stands in", () => {
    const { older, stand } = standIn({ catalogAtMs: 2_000 });
    expect(older.number()).toBeUndefined();
    stand.in = new Date(1_000);
    expect(older.number()).toBe(7);
    stand.in = undefined;
    expect(older.number()).toBeUndefined();
  });

  test("is used where it is as new, where an operator had gone back, and where nothing is live", () => {
    for (const live of [{ catalogAtMs: 1_000 }, { catalogAtMs: 0 }, undefined]) {
      const { older, stand } = standIn(live);
      stand.in = new Date(1_000);
      expect(older.number()).toBeUndefined();
    }
  });

  test("is used where the generation cannot be served from the history, or is another there", () => {
    for (const more of [{ files: [] }, { idInHistory: "other" }, { idInHistory: null }]) {
      const { older, stand } = standIn({ catalogAtMs: 2_000 }, more);
      stand.in = new Date(1_000);
      expect(older.number()).toBeUndefined();
    }
  });

  test("is used once the templates changed", () => {
    const { older, stand } = standIn({ catalogAtMs: 2_000 });
    stand.in = new Date(1_000);
    expect(older.number()).toBe(7);
    older.ignore();
    expect(older.number()).toBeUndefined();
  });
});

const FILE = { template: "a.hbs", path: "/a.conf", format: "nginx", mode: 0o644 } as const;

function standIn(
  live: { readonly catalogAtMs: number } | undefined,
  {
    files = [FILE],
    idInHistory = "id",
  }: { files?: (typeof FILE)[]; idInHistory?: string | null } = {},
) {
  const stand: { in: Date | undefined } = { in: undefined };
  const proof = { evidence: "seen", identity: "1@1" };
  const generation = { number: 7, id: "id", paths: [FILE.path], at: "", proof, view: EMPTY_VIEW };
  const entry = { number: 7, id: idInHistory } as never;
  const outputs = [{ path: FILE.path, format: "nginx", mode: 0o644, text: "" }] as never;
  const older = createNewerLiveGeneration({
    store: { fallbackSince: () => stand.in },
    state: { live: live && { ...generation, ...live } },
    history: { read: () => (idInHistory === null ? undefined : { entry, outputs }) },
    files: files as never,
  });
  return { older, stand };
}
