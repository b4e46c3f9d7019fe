import { mkdir, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { renderUsable } from "../../src/apply/quarantine/render-usable.ts";
import { partName } from "../../src/catalog/part.ts";
import type { Snapshot } from "../../src/catalog/snapshot.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { ProxyConfig } from "../../src/config/proxy-schema.ts";
import { runCommand } from "../../src/proxy/command/command.ts";
import { isServerAddress } from "../../src/route/server-address.ts";
import { parseCatalog } from "../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../src/source/file/file-source.ts";
import { loadProxyTemplates } from "../../src/template/compile/proxy-templates.ts";
import { testDirectory } from "../helpers/test-programs.ts";
import { KNOWN_VALUES } from "./hostile-values.ts";
import { mainFile } from "./nginx-places.ts";

/*
 * The known hostile values in every field of a registration, through the built-in templates: nginx and Varnish take
 * the files, and nobody but a hostile service itself lacks a route.
 */

const signal = new AbortController().signal;
const TCC = "cc_command=tcc -std=gnu11 -w -fpic -shared -o %o %s";

test("nginx takes what the built-in template makes of hostile registrations", async () => {
  const directory = await testDirectory();
  const main = directory.at("nginx.conf");
  await mkdir(directory.at("conf.d"));
  await writeFile(main, mainFile(directory.path));
  const text = await rendered("nginx", "builtin:nginx/service-proxy.conf");
  await writeFile(directory.at("conf.d/services.conf"), text);
  const result = await runCommand(["nginx", "-t", "-c", main], { timeoutMs: 60_000, signal });
  expect(result.output).toContain("test is successful");
  // A duplicate name would be no more than a warning, and somebody's requests somebody else's.
  expect(result.output).not.toContain("conflicting server name");
  expectGoodOnes(text);
});

test("Varnish takes what the built-in template makes of hostile registrations", async () => {
  const file = (await testDirectory()).at("services.vcl");
  const text = await rendered("varnish", "builtin:varnish/service-proxy.vcl");
  await writeFile(file, text);
  const argv = ["varnishd", "-p", TCC, "-C", "-f", file];
  const result = await runCommand(argv, { timeoutMs: 60_000, signal });
  expect(result.ok, result.output.slice(0, 2_000)).toBe(true);
  expectGoodOnes(text);
});

function expectGoodOnes(text: string): void {
  for (const path of ["/good", "/a.b", "/a-b", "/a_b", "/many"]) expect(text).toContain(path);
  expect(text).not.toContain("server {\n  listen 1;");
}

async function rendered(kind: "nginx" | "varnish", template: string): Promise<string> {
  const admin = kind === "nginx" ? {} : { admin: { address: "127.0.0.1:1" }, groups: "off" };
  const files = [{ template, path: "/out/file" }];
  const document = JSON.stringify({
    proxies: [{ name: "edge", kind, files, ...admin }],
    values: { nginx: { listen: "127.0.0.1:1" } },
  });
  const { proxies, values } = parseConfig(document, { file: "fairlead.json", environment: {} });
  const proxy = proxies[0] as ProxyConfig;
  const data = parseCatalog(catalog(), "catalog.json");
  const snapshot = {
    version: 1,
    takenAtMs: 0,
    get: (query: Parameters<Snapshot["get"]>[0]) => answerFrom(data, query),
  } as Snapshot;
  const templates = await loadProxyTemplates(proxy, undefined);
  const { rendered: result, faults } = await renderUsable({ templates, snapshot, proxy, values });
  if (result.kind === "waiting") throw new Error("the catalog has all answers");
  expect(faults.filter(({ part }) => partName(part).length < 200)).toEqual([]);
  return result.outputs[0]?.text ?? "";
}

/** Each value in each field, beside services that are well. */
function catalog(): string {
  const at = (more: object = {}) => ({ address: "10.0.0.1", port: 80, ...more });
  const hostile = KNOWN_VALUES.flatMap((value, i): [string, object[]][] => [
    [value, [at()]],
    // A name that no resolver knows is well-formed: nginx and Varnish refuse it, and it is left out then.
    [`address-${i}`, [at({ address: isServerAddress(value) ? "::2" : value })]],
    [`id-${i}`, [at({ id: value }), at({ id: `${value}2`, port: 81 })]],
    [`node-${i}`, [at({ node: value })]],
    [`tag-${i}`, [at({ tags: [value, `route.${value}`, `route.path=/${value}`] })]],
    [`host-${i}`, [at({ tags: [`route.host=${value}`, "route.host=same.example.com"] })]],
    [`balance-${i}`, [at({ tags: [`route.balance=${value}`, `route.sticky=cookie:${value}`] })]],
    [
      `numbers-${i}`,
      [at({ meta: { route_timeout: value, route_retries: value, route_weight: value } })],
    ],
    [`probe-${i}`, [at({ meta: { route_probe: value, route_path: `/p${i},${value}` } })]],
  ]);
  const services = {
    ...Object.fromEntries(hostile),
    good: [at()],
    "a.b": [at()],
    "a-b": [at({ address: "10.0.0.2" })],
    a_b: [at({ address: "10.0.0.3" })],
    many: [at({ address: "::1" }), at({ address: "10.0.0.4" }), at({ address: "10.0.0.4" })],
  };
  // YAML has more line breaks than JSON.
  return JSON.stringify({ services }).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
