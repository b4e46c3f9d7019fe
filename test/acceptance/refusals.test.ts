import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import {
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("a listen port that is taken passes nginx -t: the previous files come back, are served, and the retry succeeds once it is free", async () => {
  const directory = await testDirectory();
  const [consul, nginx] = await Promise.all([testConsul(), testNginx(directory)]);
  const [first, second] = [await freePort(), await freePort()];
  await consul.putKey("edge/port", String(first));
  const template = directory.at("site.hbs");
  await writeFile(
    template,
    'server { listen 127.0.0.1:{{key "edge/port"}}; location / { return 200 "site\\n"; } }\n',
  );
  const path = join(nginx.confDirectory, "site.conf");
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [{ name: "edge", kind: "nginx", config: nginx.config, files: [{ template, path }] }],
  });
  const isServed = async (port: number) =>
    (await request(`http://127.0.0.1:${port}/`)).body === "site\n";
  await until("the first port is served", () => isServed(first));
  const before = await readFile(path);

  const occupier = createServer().listen(second, "127.0.0.1");
  await until("the port is taken", () => occupier.listening);
  await consul.putKey("edge/port", String(second));
  const failed = await fairlead.untilLog("the reload failed", ({ result }) => result === "failed");
  expect(failed.msg).toContain(`bind() to 127.0.0.1:${second} failed (98: Address already in use)`);
  expect(failed.msg).toContain("the previous files are back and served");
  expect(failed.hint).toContain("Free the address");
  expect(await readFile(path)).toEqual(before);
  expect(await isServed(first)).toBe(true);

  await new Promise((resolve) => occupier.close(resolve));
  await until("the second port is served", () => isServed(second));
});

test("a template that breaks while running is refused with its place, and the old one stays served", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const port = await freePort();
  const template = directory.at("site.hbs");
  const good = `server { listen 127.0.0.1:${port}; location / { return 200 "good\\n"; } }\n`;
  await writeFile(template, good);
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  const path = join(nginx.confDirectory, "site.conf");
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [{ name: "edge", kind: "nginx", config: nginx.config, files: [{ template, path }] }],
  });
  const answer = async () => (await request(`http://127.0.0.1:${port}/`)).body;
  await until("the good template is served", async () => (await answer()) === "good\n");
  const before = await readFile(path);

  await writeFile(template, `${good}{{#each (servces)}}\n{{/each}}\n`);
  const unknown = await fairlead.untilLog(
    "the helper is unknown",
    ({ result }) => result === "refused",
  );
  expect(unknown.msg).toContain(
    `${template}:2:10: unknown helper "servces"\n2 | {{#each (servces)}}\n             ^`,
  );
  expect(unknown.hint).toBe('Did you mean "services"?');

  let from = fairlead.log().length;
  await writeFile(template, `${good}server { lisen 1; }\n`);
  const refused = await fairlead.untilLog(
    "nginx refuses",
    ({ result }) => result === "refused",
    from,
  );
  expect(refused.msg).toContain(`[emerg] unknown directive "lisen" in ${path}:2`);
  expect(await readFile(path)).toEqual(before);
  expect(await answer()).toBe("good\n");

  from = fairlead.log().length;
  await writeFile(template, good.replace("good", "better"));
  await until("the mended template is served", async () => (await answer()) === "better\n");
});

test("a VCL that does not compile is refused, and the old one stays active", async () => {
  const directory = await testDirectory();
  const [varnish, web] = await Promise.all([testVarnish(directory), testService("web-1")]);
  const catalog = (port: number) =>
    `services:\n  web:\n    - { address: 127.0.0.1, port: ${port} }\n`;
  await writeFile(directory.at("catalog.yaml"), catalog(web.port));
  const template = directory.at("cache.hbs");
  const good =
    '{{#each (service "web")}}vcl 4.1; backend default { .host = "{{address}}"; .port = "{{port}}"; }\n{{/each}}';
  await writeFile(template, good);
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [varnishProxy(varnish, { files: [{ template, path: varnish.vcl }] })],
  });
  await until("the service is served", async () => (await whoAnswers(varnish.url, 1)).has("web-1"));
  const before = await readFile(varnish.vcl);

  await writeFile(template, `${good}sub vcl_recv { set nonsense; }\n`);
  const refused = await fairlead.untilLog("Varnish refuses", ({ result }) => result === "refused");
  expect(refused.msg).toContain(varnish.vcl);
  expect(refused.msg).toContain("Line 2");
  expect(await readFile(varnish.vcl)).toEqual(before);
  expect(await whoAnswers(varnish.url, 2)).toEqual(new Set(["web-1"]));
});
