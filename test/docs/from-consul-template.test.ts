import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runCommand } from "../../src/proxy/command/command.ts";
import { DEFINITIONS } from "../../src/template/helpers/all-helpers.ts";
import { renderExample } from "../helpers/render-example.ts";
import { testDirectory } from "../helpers/test-programs.ts";

const PAGE = new URL("../../docs/guides/from-consul-template.md", import.meta.url);
const FIXTURES = new URL("../fixtures/from-consul-template/", import.meta.url);

const fixture = async (name: string): Promise<string> =>
  await readFile(new URL(name, FIXTURES), "utf8");

test("the template of the page renders, and nginx takes it", async ({ signal }) => {
  const source = await fixture("nginx.conf.hbs");
  const rendered = renderExample(source, {
    catalog: await fixture("catalog.yaml"),
    format: "nginx",
  });
  const squeezed = rendered.replace(/\n\s*\n/g, "\n").trim();
  expect(squeezed).toBe(`upstream gone {
  least_conn;
  server 127.0.0.1:65535; # force a 502
}
upstream my_api {
  least_conn;
  server [::1]:9000 max_fails=3 weight=1;
}
upstream web {
  least_conn;
  server 10.0.0.1:8080 max_fails=3 weight=3;
  server 10.0.0.2:8080 max_fails=3 weight=1;
}
server {
  listen 8080;
  server_name shop.example.com;
  client_max_body_size 16m;
  add_header X-Frame-Options "DENY";
  location /gone/ {
    proxy_pass http://gone/;
  }
  location /my.api/ {
    proxy_pass http://my_api/;
  }
  location /web/ {
    proxy_pass http://web/;
    proxy_read_timeout 30s;
  }
}`);
  const directory = await testDirectory();
  const main = `pid ${directory.at("pid")}; error_log stderr; events {} http { access_log off;\n${rendered} }`;
  await writeFile(directory.at("nginx.conf"), main);
  const result = await runCommand(["nginx", "-t", "-c", directory.at("nginx.conf")], {
    timeoutMs: 30_000,
    signal,
  });
  expect(result).toMatchObject({ ok: true });
});

test("the page shows the tested template, beside that of consul-template line by line", async () => {
  const page = await readFile(PAGE, "utf8");
  const [before, after] = [await fixture("nginx.ctmpl"), await fixture("nginx.conf.hbs")];
  expect(page).toContain(before);
  expect(page).toContain(after);
  expect(after.split("\n")).toHaveLength(before.split("\n").length);
});

test("each helper that the page names is there", async () => {
  const page = await readFile(PAGE, "utf8");
  const [, functions = ""] = /## Functions\n(.*?)\n## What/s.exec(page) ?? [];
  const rows = functions.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows.length).toBeGreaterThan(90);
  const sprig = /Sprig's functions.*/s.exec(functions)?.[0] ?? "";
  const cells = [...rows.map((row) => row.split(" | ")[1] ?? ""), sprig];
  const names = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(names.filter((name) => name !== undefined && !DEFINITIONS.has(name))).toEqual([]);
});
