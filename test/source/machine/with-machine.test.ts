import { rename, rm, writeFile } from "node:fs/promises";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { type Query, queryText } from "../../../src/catalog/query.ts";
import type { OpenSource } from "../../../src/catalog/source.ts";
import { createCatalogStore } from "../../../src/catalog/store.ts";
import { parseCatalog } from "../../../src/source/file/catalog-file.ts";
import { fileSource } from "../../../src/source/file/file-source.ts";
import { withMachine } from "../../../src/source/machine/with-machine.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

const file = (path: string) => ({ kind: "file", path }) as const;

test("a file is read and watched; the last content stays when it vanishes", async () => {
  const directory = await testDirectory();
  await writeFile(directory.at("motd"), "one");
  const store = await open(directory, [file("motd"), file("./motd"), file("later"), SERVICE]);
  await until("it is read", () => store.snapshot().get(file("motd")) === "one");
  expect(store.snapshot().get(file("./motd"))).toBe("one");
  expect(store.snapshot().get(SERVICE)).toHaveLength(1);
  await until("the reason for the absent one is known", () => store.failures().has('file "later"'));
  expect(store.failures().get('file "later"')?.message).toContain("ENOENT");
  expect(store.snapshot().get(file("later"))).toBeUndefined();

  await writeFile(directory.at("later"), "now");
  await until("it is there", () => store.snapshot().get(file("later")) === "now");
  await writeFile(directory.at("new"), "two");
  await rename(directory.at("new"), directory.at("motd"));
  await until("the change is seen", () => store.snapshot().get(file("motd")) === "two");
  await rm(directory.at("motd"));
  await until("its loss is known", () => store.failures().has('file "motd"'));
  expect(store.snapshot().get(file("motd"))).toBe("two");
  await writeFile(directory.at("motd"), "three");
  await until("it is back", () => store.snapshot().get(file("motd")) === "three");
});

test("a file that the catalog has recorded is not read", async () => {
  const directory = await testDirectory();
  await writeFile(directory.at("motd"), "disk");
  const store = await open(
    directory,
    [file("recorded"), file("motd")],
    (query) => query.kind === "file" && query.path === "recorded",
  );
  await until("both are answered", () => store.snapshot().get(file("motd")) === "disk");
  expect(store.snapshot().get(file("recorded"))).toBe("catalog");
});

test("the machine's addresses", async () => {
  const query = { kind: "interfaces" } as const;
  const store = await open(await testDirectory(), [query]);
  await until("they are known", () => store.snapshot().get(query) !== undefined);
  expect(store.snapshot().get(query)).toContainEqual({
    name: "lo",
    address: "127.0.0.1",
    isInternal: true,
  });
});

const SERVICE = { kind: "service", name: "web" } as const;

async function open(
  directory: Awaited<ReturnType<typeof testDirectory>>,
  queries: readonly Query[],
  isRecorded?: (query: Query) => boolean,
) {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const text = "services: { web: [{ address: 10.0.0.1, port: 80 }] }\nfiles: { recorded: catalog }";
  await writeFile(directory.at("catalog.yaml"), text);
  const log = pino({ level: "silent" });
  const inner: OpenSource = fileSource(directory.at("catalog.yaml"), {
    initial: parseCatalog(text, "catalog.yaml"),
    log,
  });
  const store = createCatalogStore(
    withMachine(inner, {
      directory: directory.path,
      log,
      ...(isRecorded === undefined ? {} : { isRecorded }),
    }),
    ending.signal,
  );
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));
  return store;
}
