import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ProxyStatus } from "../../src/apply/proxy-status.ts";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { until } from "../helpers/until.ts";

/** What Fairlead must never show: from the config, the environment, a file, and an address. */
const SECRETS = {
  admin: "planted-admin-token",
  consul: 'planted"consul\\token',
  file: "planted-file-token",
  password: "planted-password",
} as const;

/** Answers as Consul does when it is refused, and repeats all that it was sent. */
async function startEcho(): Promise<number> {
  const echo = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    outgoing.writeHead(403, { "content-type": "text/plain" });
    outgoing.end(`refused: ${JSON.stringify(incoming.headers)} ${incoming.url}`);
  };
  const server = createServer(echo).listen(0, "127.0.0.1");
  await until("the echo listens", () => server.listening);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test.each(["config", "environment", "file"] as const)(
  "a secret from the %s is in no log, status, metric, error or file of the state",
  async (from) => {
    const [echoPort, adminPort] = [await startEcho(), await freePort()];
    const site = await startSite({ catalog: {}, template: '# {{key "a"}}\n' });
    const { directory } = site;
    await site.save("token", `${SECRETS.file}\n`);
    const token = {
      config: { token: SECRETS.consul },
      environment: { token: "${PLANTED}" },
      file: { tokenFile: "token" },
    }[from];
    const env = { PLANTED: SECRETS.consul };
    const fairlead = await site.start(
      {
        catalog: undefined,
        consul: { address: `http://user:${SECRETS.password}@127.0.0.1:${echoPort}`, ...token },
        admin: { listen: `127.0.0.1:${adminPort}`, token: SECRETS.admin },
      },
      { args: ["--log-level", "debug"], env },
    );
    await fairlead.untilLog("Consul refuses", ({ msg }) => msg.includes("Consul"));
    const url = `http://127.0.0.1:${adminPort}`;
    const headers = { authorization: `Bearer ${SECRETS.admin}` };
    await until("it is disconnected", async () => {
      const { body } = await request(`${url}/v1/status`, { headers });
      const { proxies } = JSON.parse(body) as { readonly proxies: readonly ProxyStatus[] };
      return (proxies[0]?.disconnected.length ?? 0) > 0;
    });
    const shown: string[] = [];
    for (const path of ["/ready", "/metrics", "/v1/status", "/v1/proxies/edge/history"]) {
      const { status, body } = await request(`${url}${path}`, { headers });
      expect([path, status]).toEqual([path, path === "/ready" ? 503 : 200]);
      shown.push(body);
    }
    const config = site.configFile;
    const statusEnv = { ...env, FAIRLEAD_TOKEN: SECRETS.admin };
    shown.push((await runFairlead(["status", "-c", config], { env: statusEnv })).output);
    const wrongEnv = { ...env, FAIRLEAD_TOKEN: `${SECRETS.admin}x` };
    const wrong = await runFairlead(["status", "-c", config], { env: wrongEnv });
    expect(wrong).toMatchObject({ exitCode: 2 });
    shown.push(wrong.output, fairlead.output());
    await fairlead.stop();
    for (const entry of await readdir(directory.at("state"), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (entry.isFile()) shown.push(await readFile(join(entry.parentPath, entry.name), "utf8"));
    }
    const all = shown.join("\n");
    for (const secret of Object.values(SECRETS)) expect(all).not.toContain(secret);
    expect(all).not.toContain(JSON.stringify(SECRETS.consul).slice(1, -1));
  },
);
