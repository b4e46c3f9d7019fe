import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { untilAnsweredBy, whoAnswers } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("a listen port that is taken passes nginx -t: the previous files come back, are served, and the retry succeeds once it is free", async () => {
  const site = await startSite({
    template:
      'server { listen 127.0.0.1:{{key "edge/port"}}; location / { return 200 "site\\n"; } }\n',
  });
  const { consul, output: path } = site;
  const [first, second] = [await freePort(), await freePort()];
  await consul.putKey("edge/port", String(first));
  const fairlead = await site.start();
  const isServed = async (port: number) =>
    (await request(`http://127.0.0.1:${port}/`)).body === "site\n";
  await until("the first port is served", () => isServed(first));
  const before = await readFile(path);

  const occupier = createServer().listen(second, "127.0.0.1");
  await until("the port is taken", () => occupier.listening);
  await consul.putKey("edge/port", String(second));
  const failed = await fairlead.untilResult("failed");
  expect(failed.msg).toContain(`bind() to 127.0.0.1:${second} failed (98: Address already in use)`);
  expect(failed.msg).toContain("the previous files are back and served");
  expect(failed.hint).toContain("Free the address");
  expect(await readFile(path)).toEqual(before);
  expect(await isServed(first)).toBe(true);

  await new Promise((resolve) => occupier.close(resolve));
  await until("the second port is served", () => isServed(second));
});

test("a template that breaks while running is refused with its place, and the old one stays served", async () => {
  const goodSite = (listen: string) =>
    `server { listen ${listen}; location / { return 200 "good\\n"; } }\n`;
  const site = await startSite({ catalog: {}, template: goodSite });
  const { template, output: path } = site;
  const good = goodSite(site.listen);
  const fairlead = await site.start();
  const answer = async () => (await request(site.url)).body;
  await until("the good template is served", async () => (await answer()) === "good\n");
  const before = await readFile(path);

  await site.saveTemplate(`${good}{{#each (servces)}}\n{{/each}}\n`);
  const unknown = await fairlead.untilResult("refused");
  expect(unknown.msg).toContain(
    `${template}:2:10: unknown helper "servces"\n2 | {{#each (servces)}}\n             ^`,
  );
  expect(unknown.hint).toBe('Did you mean "services"?');

  let from = fairlead.log().length;
  await site.saveTemplate(`${good}server { lisen 1; }\n`);
  const refused = await fairlead.untilResult("refused", from);
  expect(refused.msg).toContain(`[emerg] unknown directive "lisen" in ${path}:2`);
  expect(await readFile(path)).toEqual(before);
  expect(await answer()).toBe("good\n");

  from = fairlead.log().length;
  await site.saveTemplate(good.replace("good", "better"));
  await until("the mended template is served", async () => (await answer()) === "better\n");
});

test("a VCL that does not compile is refused, and the old one stays active", async () => {
  const good =
    '{{#each (service "web")}}vcl 4.1; backend default { .host = "{{address}}"; .port = "{{port}}"; }\n{{/each}}';
  const site = await startSite({
    varnish: {},
    services: ["web-1"],
    catalog: ([{ port }]) => ({ services: { web: [{ address: "127.0.0.1", port }] } }),
    template: good,
  });
  const { varnish } = site;
  const fairlead = await site.start();
  await untilAnsweredBy("web-1", varnish.url);
  const before = await readFile(varnish.vcl);

  await site.saveTemplate(`${good}sub vcl_recv { set nonsense; }\n`);
  const refused = await fairlead.untilResult("refused");
  expect(refused.msg).toContain(varnish.vcl);
  expect(refused.msg).toContain("Line 2");
  expect(await readFile(varnish.vcl)).toEqual(before);
  expect(await whoAnswers(varnish.url, 2)).toEqual(new Set(["web-1"]));
});
