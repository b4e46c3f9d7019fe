import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { untilAnsweredBy } from "../helpers/test-programs.ts";
import { UNRESOLVABLE } from "../helpers/unresolvable.ts";
import { until } from "../helpers/until.ts";

const at = (port: number, more: object = {}): object => ({ address: "127.0.0.1", port, ...more });

test("services whose address nginx cannot resolve are left out and named, the rest goes live, and they come back with their data", async () => {
  const site = await startSite({ catalog: {}, services: ["web-1"] });
  const { url } = site;
  const [web] = site.services;
  const good = Object.fromEntries([...Array(9).keys()].map((i) => [`good-${i}`, [at(web.port)]]));
  const ghost = { address: UNRESOLVABLE, port: 80, id: "ghost-1", node: "n7" };
  const write = (more: object) => site.saveCatalog({ services: { ...good, ...more } });
  await write({ aghost: [ghost], "mid-ghost": [ghost], zghost: [ghost] });
  const fairlead = await site.start();
  await until("the good ones are served", async () => {
    const { status } = await request(`${url}/good-8/`);
    return status === 200;
  });
  const out = fairlead.log().filter(({ state }) => state === "left out");
  expect(out.map(({ service }) => String(service)).toSorted()).toEqual([
    "aghost",
    "mid-ghost",
    "zghost",
  ]);
  expect(out[0]).toMatchObject({
    instance: "ghost-1",
    node: "n7",
    field: `address "${UNRESOLVABLE}"`,
  });
  expect(out[0]?.msg).toContain("host not found in upstream");
  expect(out[0]?.msg).toMatch(/\n\d+ \| {3}server x+\.invalid:80/);
  expect(out[0]?.msg).toMatch(
    /from builtin:nginx\/service-proxy\.conf:\d+:\d+\n\d+ \| {3}server \{\{hostPort/,
  );
  expect((await request(`${url}/aghost/`)).status).toBe(404);
  expect(fairlead.log().some(({ result }) => result === "refused")).toBe(false);

  await write({ aghost: [at(web.port)], "mid-ghost": [ghost], zghost: [ghost] });
  await until("the mended one is served", async () => {
    const { status } = await request(`${url}/aghost/`);
    return status === 200;
  });
  expect((await request(`${url}/zghost/`)).status).toBe(404);
});

test("a service whose value has no safe form is left out, with the tag or meta named; a fault that all meet is the template's", async () => {
  const answering =
    (line: string) =>
    (listen: string): string =>
      `server { listen ${listen};\n{{#each (services)}}{{#each (service name)}}\n  ${line}\n{{/each}}{{/each}}\n}\n`;
  const site = await startSite({
    catalog: {
      services: {
        a: [at(1, { meta: { title: 'say "A"' } })],
        b: [at(2, { meta: { title: "\nreturn 200 $http_cookie;" } })],
        c: [at(3, { meta: { title: "C" } })],
        untitled: [at(4)],
      },
    },
    template: answering('location = /{{name}} { return 200 "{{meta.title}}"; }'),
  });
  const { template, output: path } = site;
  const save = (line: string) => site.saveTemplate(answering(line)(site.listen));
  const fairlead = await site.start();
  const answer = async (name: string) => {
    const { status, body } = await request(`${site.url}/${name}`);
    return `${status} ${body.startsWith("<") ? "" : body}`;
  };
  await until("the good one is served", async () => (await answer("c")) === "200 C");
  expect(await answer("a")).toBe('200 say "A"');
  expect(await answer("b")).toBe("404 ");
  const out = fairlead.log().filter(({ state }) => state === "left out");
  expect(out.map(({ service }) => service)).toEqual(["b", "untitled"]);
  expect(out[0]).toMatchObject({ field: expect.stringContaining("meta title=") });
  expect(out[0]?.msg).toContain(`${template}:3:`);
  const before = await readFile(path);

  // A place where no value can stand: that is nobody's data.
  await save("{{name}} on;");
  const refused = await fairlead.untilResult("refused");
  expect(refused.msg).toContain(
    `${template}:3:3: "a" cannot stand in the name of an nginx directive`,
  );
  // A service that was live and did not change is not at fault when a template is saved.
  let from = fairlead.log().length;
  await save("location = /{{name}} { return 200 {{meta.title}}; }");
  const unquoted = await fairlead.untilResult("refused", from);
  expect(unquoted.msg).toContain("cannot stand in a bare word of nginx as it has a space");
  expect(await answer("a")).toBe('200 say "A"');
  // nginx refuses a line that all services make: the template's as well.
  from = fairlead.log().length;
  await save("locaton = /{{name}} { }");
  const second = await fairlead.untilResult("refused", from);
  expect(second.msg).toContain('unknown directive "locaton"');
  expect(second.msg).toContain(`from ${template}:3:`);
  expect(
    fairlead
      .log()
      .slice(from)
      .filter(({ state }) => state === "left out"),
  ).toEqual([]);
  expect(await readFile(path)).toEqual(before);
});

test("a service that claims another's upstream is left out, though nginx names the other's line", async () => {
  const site = await startSite({
    catalog: {},
    template: (listen) =>
      `{{#each (services)}}{{#each (service this)}}upstream {{meta.pool}} { server {{hostPort address port}}; }\n{{/each}}{{/each}}server { listen ${listen}; return 200 "{{length (services)}}"; }\n`,
  });
  const victim = [at(1, { meta: { pool: "v" } })];
  const write = (more: object) => site.saveCatalog({ services: { victim, ...more } });
  await write({});
  const fairlead = await site.start();
  await fairlead.untilResult("live");
  const from = fairlead.log().length;
  const good = [at(3, { meta: { pool: "g" } })];
  await write({ "a-thief": [at(2, { meta: { pool: "v" } })], good });
  await fairlead.untilResult("live", from);
  const out = fairlead.log().filter(({ state }) => state === "left out");
  expect(out.map(({ service }) => service)).toEqual(["a-thief"]);
  expect(out[0]?.msg).toContain('duplicate upstream "v"');
  expect((await request(site.url)).body).toBe("2");
});

test("a culprit that nginx names no line for is found by halving", async () => {
  const names = [...Array(12).keys()].map((i) => `s${i}`);
  const hosts = names.map((name) => [name, [at(1, { meta: { host: `${name}.example.com` } })]]);
  const long = [at(1, { meta: { host: `${"l".repeat(60)}.example.com` } })];
  const site = await startSite({
    catalog: { services: { ...Object.fromEntries(hosts), long } },
    template: (listen) =>
      `server_names_hash_bucket_size 64;\n{{#each (services)}}{{#each (service name)}}server { listen ${listen}; server_name {{meta.host}}; return 200 "{{name}}"; }\n{{/each}}{{/each}}`,
  });
  const fairlead = await site.start();
  await fairlead.untilResult("live");
  const out = fairlead.log().filter(({ state }) => state === "left out");
  expect(out.map(({ service }) => service)).toEqual(["long"]);
  expect(out[0]?.msg).toContain("server_names_hash");
  const { body } = await request(site.url, { host: "s3.example.com" });
  expect(body).toBe("s3");
});

test("a service that Varnish's compiler refuses is left out", async () => {
  const { varnish, start } = await startSite({
    varnish: {},
    services: ["web-1"],
    catalog: ([{ port }]) => ({
      services: {
        ghost: [{ address: UNRESOLVABLE, port: 80, id: "ghost-1" }],
        web: [at(port, { tags: ["route.path=/"] })],
      },
    }),
  });
  const fairlead = await start();
  await untilAnsweredBy("web-1", varnish.url);
  const out = fairlead.log().filter(({ state }) => state === "left out");
  expect(out.map(({ service, instance }) => [service, instance])).toEqual([["ghost", "ghost-1"]]);
  expect(out[0]?.msg).toContain("from builtin:varnish/service-proxy.vcl:");
});
