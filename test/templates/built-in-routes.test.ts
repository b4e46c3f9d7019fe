import { writeFile } from "node:fs/promises";
import http from "node:http";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { request } from "../helpers/request.ts";
import type { SampleAnswer, SampleService } from "../helpers/sample-service.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import {
  listenAddress,
  nginxProxy,
  testDirectory,
  testNginx,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
  writeConfig,
} from "../helpers/test-programs.ts";

/*
 * Both built-in templates, with the real programs: what a route promises, either proxy keeps, and Varnish also when
 * the routes are split into groups.
 */

type Kind = "nginx" | "varnish" | "varnish in groups";

const instance = ({ port }: SampleService, tags: readonly string[] = [], more: object = {}) => ({
  address: "127.0.0.1",
  port,
  tags: tags.map((tag) => `route.${tag}`),
  ...more,
});

describe.each<Kind>(["nginx", "varnish", "varnish in groups"])(
  "the built-in routes of %s",
  (kind) => {
    test("host and path lead to a service, segment by segment; strip, redirects, headers", async () => {
      const [plain, api, shop, wild, deep] = await services(["web", "api", "shop", "wild", "deep"]);
      const url = await serve(kind, {
        web: [instance(plain)],
        api: [instance(api, ["path=/api"])],
        shop: [instance(shop, ["host=shop.test"])],
        wild: [instance(wild, ["host=*.wild.test", "path=/x"])],
        deep: [instance(deep, ["path=/api/deep", "strip=true"])],
        hidden: [instance(api, ["expose=false"])],
        bad: [instance(api, ["path=/a b;"])],
        alien: [{ address: "x; }", port: 1 }],
      });
      const at = async (path: string, host?: string) => {
        const { status, body, headers } = await request(
          `${url}${path}`,
          host === undefined ? {} : { host },
        );
        if (status !== 200 || body === "fairlead\n")
          return `${status} ${headers.location ?? ""}`.trim();
        const answer = JSON.parse(body) as SampleAnswer;
        return `${answer.name} ${answer.url}`;
      };
      expect(await at("/")).toBe("200");
      expect(await at("/web/a?b=c")).toBe("web /a?b=c");
      expect(await at("/web/")).toBe("web /");
      expect(await at("/web?b=c")).toBe("308 /web/?b=c");
      expect(await at("/webx")).toBe("404");
      expect(await at("/api")).toBe("api /api");
      expect(await at("/api?x")).toBe("api /api?x");
      expect(await at("/api/v1")).toBe("api /api/v1");
      expect(await at("/apix")).toBe("404");
      expect(await at("/api/deep/x")).toBe("deep /x");
      expect(await at("/hidden/")).toBe("404");
      expect(await at("/alien/")).toBe("503");
      // A host's own routes come first, also before longer paths that are claimed for every host.
      expect(await at("/api/v1", "shop.test")).toBe("shop /api/v1");
      expect(await at("/any", "SHOP.test:80")).toBe("shop /any");
      expect(await at("/x/y", "a.wild.test")).toBe("wild /x/y");
      expect(await at("/api/v1", "a.wild.test")).toBe("api /api/v1");
      expect(await at("/x/y", "wild.test")).toBe("404");

      const { headers } = JSON.parse(
        (
          await request(`${url}/api`, {
            host: "h.test",
            headers: { proxy: "evil", "x-forwarded-host": "spoof" },
          })
        ).body,
      ) as SampleAnswer;
      expect(headers).toMatchObject({
        host: "h.test",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "h.test",
      });
      expect(headers).not.toHaveProperty("proxy");
      expect(headers).not.toHaveProperty("x-fairlead-url");
    });

    test("a dead server is passed over, an unhealthy service answers 503 with Retry-After", async () => {
      const [good, dead] = await services(["good", "dead"]);
      await dead.stop();
      const url = await serve(kind, {
        web: [instance(good), instance(dead)],
        down: [instance(good, ["path=/down"], { status: "critical" })],
        once: [instance(good, ["path=/status", "retries=0"])],
      });
      expect([...(await whoAnswers(`${url}/web/`, 12))]).toEqual(["good"]);
      expect(await request(`${url}/down/x`)).toMatchObject({
        status: 503,
        headers: { "retry-after": "5" },
        body: "no healthy instance\n",
      });
      expect((await request(`${url}/down`)).status).toBe(503);
      const before = good.requests();
      expect((await request(`${url}/status/503`)).status).toBe(503);
      expect(good.requests() - before).toBe(1);
    });

    test("balance, sticky and weights decide who answers", async () => {
      const [a, b, c] = await services(["a", "b", "c"]);
      const all = (tags: readonly string[]) => [a, b, c].map((it) => instance(it, tags));
      const url = await serve(kind, {
        robin: all(["path=/robin"]),
        least: all(["path=/least", "balance=least_conn"]),
        hash: all(["path=/hash", "balance=hash"]),
        client: all(["path=/client", "sticky=address"]),
        cookie: all(["path=/cookie", "sticky=cookie:sid"]),
        heavy: [instance(a, ["path=/heavy", "weight=9"]), instance(b, ["path=/heavy"])],
        none: [instance(a, ["path=/none"]), instance(b, ["path=/none", "weight=0"])],
      });
      expect((await whoAnswers(`${url}/robin/`, 12)).size).toBe(3);
      expect((await whoAnswers(`${url}/least/`, 24)).size).toBeGreaterThan(1);
      expect((await whoAnswers(`${url}/hash/x`, 6)).size).toBe(1);
      const byPath = await Promise.all(
        Array.from(
          { length: 60 },
          async (_, i) => [...(await whoAnswers(`${url}/hash/${i}`, 1))][0],
        ),
      );
      expect(new Set(byPath).size).toBe(3);
      expect((await whoAnswers(`${url}/client/`, 8)).size).toBe(1);
      const withCookie = async (sid: string) =>
        (
          JSON.parse(
            (await request(`${url}/cookie`, { headers: { cookie: `x=1; sid=${sid}; y=2` } })).body,
          ) as SampleAnswer
        ).name;
      const owners = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => await withCookie(`s${i}`)),
      );
      expect(await Promise.all(owners.map(async (_, i) => await withCookie(`s${i}`)))).toEqual(
        owners,
      );
      expect(new Set(owners).size).toBe(3);
      let heavy = 0;
      for (let i = 0; i < 60; i += 1)
        heavy += [...(await whoAnswers(`${url}/heavy`, 1))][0] === "a" ? 1 : 0;
      expect(heavy).toBeGreaterThan(40);
      expect([...(await whoAnswers(`${url}/none`, 8))]).toEqual(["a"]);
    });

    test("a websocket passes through, with the path stripped", async () => {
      const [web] = await services(["web"]);
      const url = await serve(kind, { web: [instance(web)] });
      expect(await echoThroughWebsocket(`${url}/web/socket`, "hello")).toBe("hello");
    });

    test("the generation is told to local clients, and nothing below /__fairlead reaches a service", async () => {
      const [web] = await services(["web"]);
      const url = await serve(kind, { web: [instance(web, ["host=all.test"])] });
      expect((await request(`${url}/__fairlead/generation`)).body).toMatch(/^[0-9a-f]{12}\n$/);
      expect((await request(`${url}/__fairlead/generation`, { host: "all.test" })).body).toMatch(
        /^[0-9a-f]{12}\n$/,
      );
      expect((await request(`${url}/__fairlead/other`, { host: "all.test" })).status).toBe(404);
      expect(web.requests()).toBe(0);
    });

    test("is valid without any service", async () => {
      const url = await serve(kind, {});
      expect((await request(`${url}/`)).body).toBe("fairlead\n");
      expect((await request(`${url}/x`)).status).toBe(404);
    });
  },
);

describe.each<Kind>(["varnish", "varnish in groups"])("only %s", (kind) => {
  test("caches cacheable responses for each route, serves them stale while the service is gone, and purges them for local clients", async () => {
    const [one, two] = await services(["one", "two"]);
    const url = await serve(kind, { one: [instance(one)], two: [instance(two)] });
    const age = async (path: string) =>
      (await request(`${url}${path}`)).headers["x-varnish"]?.toString().split(" ").length;
    await age("/one/cached");
    expect(await age("/one/cached")).toBe(2);
    expect((JSON.parse((await request(`${url}/two/cached`)).body) as SampleAnswer).name).toBe(
      "two",
    );
    expect(one.requests()).toBe(1);
    expect((await request(`${url}/one/cached`, { method: "PURGE" })).status).toBe(200);
    await age("/one/cached");
    expect(one.requests()).toBe(2);
    await one.stop();
    expect(await age("/one/cached")).toBe(2);
  });
});

async function services<const N extends readonly string[]>(names: N) {
  return (await Promise.all(names.map(testService))) as { [K in keyof N]: SampleService };
}

/** Serves a catalog with the built-in template, and returns where. */
async function serve(
  kind: Kind,
  catalog: Readonly<Record<string, readonly object[]>>,
): Promise<string> {
  const directory = await testDirectory();
  await writeFile(directory.at("catalog.yaml"), stringify({ services: catalog }));
  const { listen, url } = await listenAddress();
  const varnish = kind === "nginx" ? undefined : await testVarnish(directory);
  const proxy =
    varnish === undefined
      ? nginxProxy(await testNginx(directory))
      : varnishProxy(varnish, { groups: kind === "varnish" ? "off" : 3 });
  const config = await writeConfig(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [proxy],
    values: { nginx: { listen } },
  });
  const { exitCode, output } = await runFairlead(["run", "-c", config, "--once"]);
  expect(exitCode, output).toBe(0);
  return varnish?.url ?? url;
}

/** RFC 6455: the handshake, then bytes that come back as they went. */
function echoThroughWebsocket(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, {
      agent: false,
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    outgoing.on("upgrade", (response, socket) => {
      expect(response.headers["sec-websocket-accept"]).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
      socket.on("data", (chunk: Buffer) => {
        resolve(chunk.toString());
        socket.destroy();
      });
      socket.write(text);
    });
    outgoing.on("response", (response) => reject(new Error(`status ${response.statusCode}`)));
    outgoing.on("error", reject);
  });
}
