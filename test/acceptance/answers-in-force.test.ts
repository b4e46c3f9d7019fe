import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import type { LogLine } from "../helpers/start-fairlead.ts";
import {
  adminListen,
  nginxProxy,
  testDirectory,
  testFairlead,
  testNginx,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/*
 * One bad thing costs only itself: what was served before goes on being served, and the rest goes live.
 */

interface Catalog {
  readonly services?: Readonly<Record<string, readonly object[]>>;
  readonly keys?: Readonly<Record<string, string>>;
}

/** An nginx whose one site is `template`, and Fairlead over a catalog file. */
async function site(template: string, first: Catalog) {
  const directory = await testDirectory();
  const [nginx, port] = [await testNginx(directory), await freePort()];
  const path = join(nginx.confDirectory, "site.conf");
  const write = (catalog: Catalog) =>
    writeFile(directory.at("catalog.yaml"), JSON.stringify(catalog));
  await writeFile(directory.at("site.hbs"), template.replaceAll("PORT", `127.0.0.1:${port}`));
  await write(first);
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [nginxProxy(nginx, { files: [{ template: directory.at("site.hbs"), path }] })],
  });
  await fairlead.untilLog("it is live", ({ result }) => result === "live");
  const admin = `http://${await adminListen(directory)}`;
  return {
    directory,
    nginx,
    fairlead,
    write,
    get: async (url: string) => await request(`http://127.0.0.1:${port}${url}`),
    body: async (url: string) => (await request(`http://127.0.0.1:${port}${url}`)).body,
    isolated: (): readonly LogLine[] => fairlead.log().filter(({ state }) => state !== undefined),
    async status() {
      const { body } = await request(`${admin}/v1/status`);
      return (JSON.parse(body) as { readonly proxies: readonly Status[] }).proxies[0] as Status;
    },
  };
}

interface Status {
  readonly leftOut: readonly Readonly<Record<string, string>>[];
  readonly pinned: readonly Readonly<Record<string, string>>[];
}

/** Each instance answers its number: an upstream's servers are what the file names. */
const WEIGHTED = `{{#each (services)}}upstream {{identifier name}} { {{#each (service name)}}server {{hostPort address port}} weight={{or meta.weight "1"}};{{/each}} }
{{/each}}server { listen PORT;
{{#each (services)}}location = /{{name}} { return 200 "{{#each (service name)}}{{id}}:{{or meta.weight "1"}} {{/each}}"; }
{{/each}}
}
`;

const at = (id: string, port: number, weight?: string): object => ({
  id,
  address: "127.0.0.1",
  port,
  ...(weight === undefined ? {} : { meta: { weight } }),
});

test.each(["heavy", "2; }", "-1"])(
  "an instance that registers with weight %j is left out alone and named, though nginx names a line of all",
  async (weight) => {
    const { fairlead, write, body, isolated, status } = await site(WEIGHTED, {
      services: { web: [at("web-1", 1), at("web-2", 2)] },
    });
    await until("web is served", async () => (await body("/web")) === "web-1:1 web-2:1 ");
    await write({
      services: {
        web: [at("web-1", 1), at("web-2", 2), at("web-3", 3, weight)],
        api: [at("api-1", 4)],
      },
    });
    await until("the rest goes live", async () => (await body("/api")) === "api-1:1 ");
    expect(await body("/web")).toBe("web-1:1 web-2:1 ");
    expect(isolated()).toHaveLength(1);
    expect(isolated()[0]).toMatchObject({
      state: "left out",
      service: "web",
      instance: "web-3",
      hint: expect.stringMatching(/\w/),
    });
    expect((await status()).leftOut).toMatchObject([{ kind: "instance", instance: "web-3" }]);
    expect(fairlead.log().some(({ result }) => result === "refused")).toBe(false);

    await write({ services: { web: [at("web-1", 1), at("web-2", 2), at("web-3", 3, "5")] } });
    await until(
      "mended data is used",
      async () => (await body("/web")) === "web-1:1 web-2:1 web-3:5 ",
    );
    expect((await status()).leftOut).toEqual([]);
  },
);

test.each([
  ["a value that nginx refuses", "heavy"],
  ["a value that no template can write", "2; }"],
])(
  "the only instance of a service changes to %s: its last usable data stays in force",
  async (_, weight) => {
    const { write, body, isolated, status } = await site(WEIGHTED, {
      services: { web: [at("web-1", 1, "7")] },
    });
    await until("web is served", async () => (await body("/web")) === "web-1:7 ");
    await write({ services: { web: [at("web-1", 1, weight)], api: [at("api-1", 4)] } });
    await until("the rest goes live", async () => (await body("/api")) === "api-1:1 ");
    expect(await body("/web")).toBe("web-1:7 ");
    expect(isolated()[0]).toMatchObject({ state: "pinned", instance: "web-1" });
    expect((await status()).pinned).toMatchObject([{ kind: "instance", instance: "web-1" }]);
    await write({ services: { web: [at("web-1", 1, "3")], api: [at("api-1", 4)] } });
    await until("mended data is used", async () => (await body("/web")) === "web-1:3 ");
    expect((await status()).pinned).toEqual([]);
  },
);

test("a deploy that replaces all instances by bad ones keeps the service as it was", async () => {
  const { write, body } = await site(WEIGHTED, {
    services: { web: [at("web-1", 1), at("web-2", 2)] },
  });
  await until("web is served", async () => (await body("/web")) === "web-1:1 web-2:1 ");
  await write({
    services: { web: [at("web-3", 3, "heavy"), at("web-4", 4, "heavy")], api: [at("api-1", 5)] },
  });
  await until("the rest goes live", async () => (await body("/api")) === "api-1:1 ");
  expect(await body("/web")).toBe("web-1:1 web-2:1 ");
});

test("a key turns bad while a service arrives of which nothing is answered yet: the service goes live", async () => {
  const title = (text: string) => ({ "app/title": text });
  const { write, body, isolated } = await site(
    `server { listen PORT; location = /t { return 200 {{key "app/title"}}; }
{{#each (services)}}location = /s/{{name}} { return 200 "{{#each (service name)}}{{id}} {{/each}}"; }
{{/each}}
}
`,
    { services: { web: [at("web-1", 1)] }, keys: title("hello") },
  );
  await until("it is served", async () => (await body("/t")) === "hello");
  await write({ services: { web: [at("web-1", 1)], api: [at("api-1", 2)] }, keys: title("a;b") });
  await until("the new service goes live", async () => (await body("/s/api")) === "api-1 ");
  expect(await body("/t")).toBe("hello");
  expect(isolated()[0]).toMatchObject({ state: "pinned", key: "app/title" });
});

const REDIRECTS = `server { listen PORT;
{{#each (ls "edge/redirects")}}location = /{{key}} { return 301 {{value}}; }
{{/each}}{{#each (services)}}location = /s/{{name}} { return 200 "{{#each (service name)}}{{id}} {{/each}}"; }
{{/each}}
}
`;

test.each([
  ["that no template can write", "https://example.test/a;b"],
  ["that nginx refuses", "https://example.test/$nothing"],
])("one value of ls %s keeps its last good one; all else goes live", async (_, bad) => {
  const keys = (a: string) => ({
    "edge/redirects/a": a,
    "edge/redirects/b": "https://example.test/b",
  });
  const { write, get, body, isolated } = await site(REDIRECTS, {
    services: { web: [at("web-1", 1)] },
    keys: keys("https://example.test/a"),
  });
  await until("it is served", async () => (await body("/s/web")) === "web-1 ");
  await write({ services: { web: [at("web-2", 1)] }, keys: keys(bad) });
  await until("the other change goes live", async () => (await body("/s/web")) === "web-2 ");
  expect((await get("/a")).headers.location).toBe("https://example.test/a");
  expect((await get("/b")).headers.location).toBe("https://example.test/b");
  expect(isolated()[0]).toMatchObject({ state: "pinned", key: "edge/redirects/a" });

  await write({
    services: { web: [at("web-2", 1)] },
    keys: { ...keys("https://example.test/c"), "edge/redirects/new": bad },
  });
  await until(
    "the mended one is used",
    async () => (await get("/a")).headers.location === "https://example.test/c",
  );
  expect((await get("/new")).status).toBe(404);
});

test("a key that a template cannot do without is deleted: its last value stays in force", async () => {
  const { write, body, isolated, status } = await site(
    `server { listen PORT; location = /t { return 200 "{{key "app/title"}}"; }
{{#each (services)}}location = /s/{{name}} { return 200 "{{#each (service name)}}{{id}} {{/each}}"; }
{{/each}}
}
`,
    { services: { api: [at("api-1", 9)], web: [at("web-1", 1)] }, keys: { "app/title": "Hello" } },
  );
  await until("it is served", async () => (await body("/t")) === "Hello");
  await write({ services: { api: [at("api-1", 9)], web: [at("web-2", 1)] }, keys: {} });
  await until("the other change goes live", async () => (await body("/s/web")) === "web-2 ");
  expect(await body("/t")).toBe("Hello");
  expect(isolated().at(-1)).toMatchObject({ state: "pinned", query: 'key "app/title"' });
  expect((await status()).pinned).toMatchObject([{ kind: "query", query: 'key "app/title"' }]);
  await write({
    services: { api: [at("api-1", 9)], web: [at("web-2", 1)] },
    keys: { "app/title": "Again" },
  });
  await until("the key is used again", async () => (await body("/t")) === "Again");
});

const HOSTS = `server_names_hash_bucket_size 64;
{{#each (services)}}{{#each (service name)}}server { listen PORT; server_name {{meta.host}}; return 200 "{{name}}"; }
{{/each}}{{/each}}`;
const long = (i: number) => [
  { address: "127.0.0.1", port: i, meta: { host: `${"l".repeat(60)}${i}.example.com` } },
];

test.each(["at a first start", "later"])(
  "four services whose fault nginx gives no line for arrive at once, %s: the rest is served",
  async (when) => {
    const good = Object.fromEntries(
      [...Array(12).keys()].map((i) => [
        `s${i}`,
        [{ address: "127.0.0.1", port: 1, meta: { host: `s${i}.test` } }],
      ]),
    );
    const bad = { "a-long": long(1), "long-2": long(2), "long-3": long(3), "z-long": long(4) };
    const { fairlead, write, isolated } = await site(HOSTS, {
      services: when === "later" ? good : { ...good, ...bad },
    });
    await fairlead.untilLog("it is live", ({ result }) => result === "live");
    if (when === "later")
      await write({
        services: {
          ...good,
          ...bad,
          new: [{ address: "127.0.0.1", port: 2, meta: { host: "new.test" } }],
        },
      });
    const names = () => new Set(isolated().map(({ service }) => service));
    await until("the four are left out", async () => names().size === 4);
    expect(names()).toEqual(new Set(Object.keys(bad)));
    if (when === "later")
      await fairlead.untilLog("the new one is live", ({ change }) =>
        String(change).includes("+new"),
      );
  },
);
