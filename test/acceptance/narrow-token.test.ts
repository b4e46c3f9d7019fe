import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import type { ConsulAgent } from "../helpers/start-consul.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const rules = (...resources: readonly string[]): string =>
  resources.map((resource) => `${resource} { policy = "read" }`).join("\n");
const ALL = rules('service_prefix ""', 'node_prefix ""', 'key_prefix ""');
/** A loss that the guard saw would be believed after this. */
const GUARD = { guard: { maxDrop: "50%", hold: "1s" } };
const HOLD_MS = 1_000;

test("no route is lost by a token that sees less, and what was deployed meanwhile is live as soon as it sees all again", async () => {
  const directory = await testDirectory();
  const [consul, nginx, web, api, next] = await Promise.all([
    testConsul({ acl: true }),
    testNginx(directory),
    testService("web-1"),
    testService("api-1"),
    testService("api-2"),
  ]);
  const { listen, url } = await listenAddress();
  await consul.register({ name: "web", id: "web", port: web.port });
  await consul.register({ name: "api", id: "api", port: api.port });
  await consul.createPolicy("reader", ALL);
  const tokenFile = directory.at("token");
  const token = await consul.createToken(["reader"]);
  await writeFile(tokenFile, token);
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address, tokenFile },
    proxies: [nginxProxy(nginx, GUARD)],
    values: { nginx: { listen } },
  });
  const { answers, stays } = routesAt(url);
  const status = async () => await runFairlead(["status", "-c", directory.at("fairlead.yaml")]);
  await answers("/web/", "web-1");
  await answers("/api/", "api-1");

  await writeFile(tokenFile, "");
  await fairlead.untilLog("it is said", ({ msg }) => msg.includes("sees no service, not even"));
  await consul.register({ name: "api", id: "api", port: next.port });
  await stays("/api/", "api-1");
  expect((await status()).stdout).toMatch(
    /no fresh answer to services, service (web, service api|api, service web): Cannot use Consul's list of services/,
  );
  await writeFile(tokenFile, token);
  await answers("/api/", "api-2");
  await answers("/web/", "web-1");

  await consul.changePolicy("reader", rules('service_prefix "web"', 'node_prefix ""'));
  let edits = 0;
  // Consul filters the query that it holds by the policy of before.
  const line = await until("the narrow list is read", async () => {
    edits += 1;
    await consul.register({ name: "web", id: "web", port: web.port, tags: [`edit-${edits}`] });
    return fairlead.log().find(({ msg }) => msg.includes("policy sees less than before"));
  });
  expect(line).toMatchObject({ level: 40, hint: expect.stringContaining("service_prefix read") });
  await consul.register({ name: "api", id: "api", port: api.port });
  await stays("/api/", "api-2");
  await consul.changePolicy("reader", ALL);
  await answers("/api/", "api-1");
  await fairlead.untilLog("it is over", ({ msg }) => msg.includes("sees again what it saw"));

  await consul.deregister("api");
  await until("a deregistration is believed", async () => {
    return !(await whoAnswers(`${url}/api/`, 1)).has("api-1");
  });
  await answers("/web/", "web-1");
});

test("a first start with a token that sees nothing leaves the live file alone, until it sees something", async () => {
  const directory = await testDirectory();
  const [consul, nginx] = await Promise.all([testConsul({ acl: true }), testNginx(directory)]);
  await consul.register({ name: "web", id: "web", port: 80 });
  await consul.createPolicy("reader", ALL);
  const path = join(nginx.confDirectory, "list.conf");
  await writeFile(directory.at("list.hbs"), "# {{#each (services)}}{{name}} {{/each}}\n");
  await writeFile(path, "# by hand\n");
  const tokenFile = directory.at("token");
  await writeFile(tokenFile, "");
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address, tokenFile },
    proxies: [nginxProxy(nginx, { files: [{ template: "list.hbs", path }] })],
  });
  const line = await fairlead.untilLog("it is said", ({ msg }) => msg.includes("is empty"));
  expect(line.msg).toContain("the token sees no service, not even consul");
  expect(line).toMatchObject({ hint: expect.stringContaining("node_prefix read") });
  expect(await readFile(path, "utf8")).toBe("# by hand\n");
  await writeFile(tokenFile, await consul.createToken(["reader"]));
  await until("it is live", async () => (await readFile(path, "utf8")) === "# consul web \n");
});

test("the agent's own token loses its rights and gets them back: lists, keys and nodes stay, and are current again", async () => {
  const directory = await testDirectory();
  const [consul, nginx] = await Promise.all([testConsul({ acl: true }), testNginx(directory)]);
  await consul.createPolicy("reader", ALL);
  await consul.createPolicy("poor", rules('key_prefix "other"'));
  const [rich, poor] = [await consul.createToken(["reader"]), await consul.createToken(["poor"])];
  await useAgentToken(consul, rich);
  await consul.register({ name: "web", id: "web", port: 80 });
  await consul.putKey("edge/a", "1");
  await consul.putKey("edge/b", "1");
  const path = join(nginx.confDirectory, "all.conf");
  await writeFile(
    directory.at("all.hbs"),
    "# {{#each (services)}}{{name}} {{/each}}{{#each (service 'web')}}{{port}} {{/each}}{{#each (nodes)}}{{address}} {{/each}}{{#each (ls 'edge')}}{{key}}={{value}} {{/each}}{{key 'edge/b'}}\n",
  );
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [nginxProxy(nginx, { ...GUARD, files: [{ template: "all.hbs", path }] })],
  });
  const isLive = async (text: string) =>
    await until(`"${text}" is live`, async () => (await readFile(path, "utf8")) === text);
  await isLive("# consul web 80 127.0.0.1 a=1 b=1 1\n");

  await useAgentToken(consul, poor);
  // Consul filters what it holds by the rights of then: of some changes the first is still seen.
  await consul.register({ name: "web", id: "web", port: 81, tags: ["edited"] });
  await consul.putKey("edge/a", "2");
  await consul.putKey("edge/b", "2");
  await consul.register({ name: "web", id: "web", port: 82, tags: ["again"] });
  await consul.putKey("edge/a", "3");
  let edits = 0;
  await until("the list of services is read with the poor token", async () => {
    edits += 1;
    await consul.register({ name: "web", id: "web", port: 82, tags: [`edit-${edits}`] });
    return fairlead.log().some(({ msg }) => msg.includes("sees no service"));
  });
  const endMs = performance.now() + 3 * HOLD_MS;
  await until("some time has passed", async () => {
    const text = await readFile(path, "utf8");
    expect(text).toMatch(/^# consul web 8[012] 127\.0\.0\.1 a=[123] b=[12] [12]\n$/);
    return performance.now() > endMs;
  });
  await useAgentToken(consul, rich);
  await isLive("# consul web 82 127.0.0.1 a=3 b=2 2\n");
});

test("what a token lost while Fairlead was down is kept, what was deregistered is not", async () => {
  const directory = await testDirectory();
  const [consul, nginx, web, api] = await Promise.all([
    testConsul({ acl: true }),
    testNginx(directory),
    testService("web-1"),
    testService("api-1"),
  ]);
  const { listen, url } = await listenAddress();
  const { answers, stays } = routesAt(url);
  await consul.register({ name: "former", id: "former", port: web.port });
  await consul.register({ name: "web", id: "web", port: web.port });
  await consul.register({ name: "api", id: "api", port: api.port });
  await consul.createPolicy("reader", ALL);
  await useAgentToken(consul, await consul.createToken(["reader"]));
  const config = {
    consul: { address: consul.address },
    proxies: [nginxProxy(nginx, GUARD)],
    routes: { linger: "0s" },
    values: { nginx: { listen } },
  };
  const first = await testFairlead(directory, config);
  await answers("/former/", "web-1");
  await answers("/api/", "api-1");
  await until("the answers are saved", async () => {
    const saved = await readFile(directory.at("state/snapshot.json"), "utf8").catch(() => "");
    return saved.includes('"former"') && saved.includes('"api"');
  });
  await first.stop("SIGTERM");

  await consul.changePolicy("reader", rules('service_prefix "web"', 'node_prefix ""'));
  await consul.deregister("former");
  await consul.register({ name: "web", id: "web", port: web.port, tags: ["edited"] });
  const second = await testFairlead(directory, config);
  const line = await second.untilLog("it is said", ({ msg }) =>
    msg.includes("the token's policy sees less than before"),
  );
  expect(line.msg).toContain('"api"');
  expect(line.msg).not.toContain('"former"');
  await until("a deregistration is believed", async () => {
    return !(await whoAnswers(`${url}/former/`, 1)).has("web-1");
  });
  await stays("/api/", "api-1");
  await answers("/web/", "web-1");
  await consul.changePolicy("reader", ALL);
  await second.untilLog("it is over", ({ msg }) => msg.includes("sees again what it saw"));
  await answers("/api/", "api-1");
});

test("no route is lost when ACLs are turned on in a living cluster, and all is current once Fairlead has a token", async () => {
  const directory = await testDirectory();
  const [consul, nginx, web, api, next] = await Promise.all([
    testConsul({ dataDirectory: directory.at("consul") }),
    testNginx(directory),
    testService("web-1"),
    testService("api-1"),
    testService("api-2"),
  ]);
  const { listen, url } = await listenAddress();
  const { answers, stays } = routesAt(url);
  await consul.register({ name: "web", id: "web", port: web.port });
  await consul.register({ name: "api", id: "api", port: api.port });
  await consul.putKey("edge/a", "1");
  const path = join(nginx.confDirectory, "key.conf");
  await writeFile(
    directory.at("key.hbs"),
    "# {{key 'edge/a'}}{{#each (ls 'edge')}} {{value}}{{/each}}\n",
  );
  const tokenFile = directory.at("token");
  await writeFile(tokenFile, "");
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address, tokenFile },
    proxies: [
      nginxProxy(nginx, {
        ...GUARD,
        files: [
          {
            template: "builtin:nginx/service-proxy.conf",
            path: join(nginx.confDirectory, "services.conf"),
          },
          { template: "key.hbs", path },
        ],
      }),
    ],
    values: { nginx: { listen } },
  });
  await answers("/web/", "web-1");
  await answers("/api/", "api-1");

  await consul.startAgain({ acl: true });
  await fairlead.untilLog("it is said", ({ msg }) => msg.includes("sees no service, not even"));
  await consul.register({ name: "api", id: "api", port: next.port });
  // An agent that was restarted knows no state of a TTL check.
  for (const id of ["web", "api"]) await consul.setHealth(id, "pass");
  await consul.putKey("edge/a", "2");
  await stays("/api/", "api-1");
  await stays("/web/", "web-1");
  expect(await readFile(path, "utf8")).toBe("# 1 1\n");

  await consul.createPolicy("reader", ALL);
  await writeFile(tokenFile, await consul.createToken(["reader"]));
  await answers("/api/", "api-2");
  await answers("/web/", "web-1");
  await until("the key is current", async () => (await readFile(path, "utf8")) === "# 2 2\n");
  await fairlead.untilLog("it is over", ({ msg }) => msg.includes("sees again what it saw"));
});

function routesAt(url: string) {
  return {
    answers: async (path: string, name: string) =>
      await until(`${path} is answered by ${name}`, async () => {
        return (await whoAnswers(`${url}${path}`, 1)).has(name);
      }),
    /** Requires that nothing else answers for longer than a hold lasts. */
    async stays(path: string, name: string) {
      const endMs = performance.now() + 3 * HOLD_MS;
      while (performance.now() < endMs)
        expect([...(await whoAnswers(`${url}${path}`, 1))]).toEqual([name]);
    },
  };
}

async function useAgentToken({ address, token = "" }: ConsulAgent, own: string): Promise<void> {
  const reply = await request(`${address}/v1/agent/token/default`, {
    method: "PUT",
    headers: { "x-consul-token": token },
    body: JSON.stringify({ Token: own }),
  });
  expect(reply.status).toBe(200);
}
