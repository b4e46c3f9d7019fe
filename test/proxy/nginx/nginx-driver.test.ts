import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Candidate, Generation } from "../../../src/apply/proxy-driver.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { NginxConfig } from "../../../src/config/proxy-schema.ts";
import { createNginxDriver } from "../../../src/proxy/nginx/nginx-driver.ts";
import { readChildren, readProcText } from "../../../src/proxy/process-table.ts";
import { startProgram } from "../../helpers/child-process.ts";
import { isRunning } from "../../helpers/is-running.ts";
import { listenAddress, testDirectory, testNginx } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

describe("createNginxDriver()", () => {
  test.each([
    ["the pid file that nginx's main file names", {}],
    ["a pid file of its own", { signal: "HUP", pidFile: "nginx.pid" }],
    ["a command", { command: ["nginx", "-c", "$CONFIG", "-s", "reload"] }],
  ])("reloads by %s, and proves it by new workers", async (_, reload) => {
    const { driver, nginx, generation, signal } = await stage({ reload });
    await driver.reload(generation, signal);
    const proof = await driver.prove(generation, signal);
    expect(proof.evidence).toMatch(new RegExp(`^1 new worker of master ${nginx.pid()}`));
    expect(await driver.serves(generation, proof, signal)).toBe(true);
    await nginx.startAgain();
    expect(await driver.serves(generation, proof, signal)).toBe(false);
  });

  test("the next check is prestarted once a generation is proved: it warns, refuses, and is used once", async () => {
    const warnings: string[] = [];
    const { driver, generation, signal, candidate, listen } = await stage({
      onWarning: (it) => warnings.push(it),
    });
    const waiting = () =>
      readChildren(process.pid).filter((pid) =>
        readProcText(`${pid}/cmdline`)?.startsWith("nginx\0-e\0"),
      );
    const server = `server { listen ${listen}; server_name a; }\n`;
    await driver.open(undefined);
    expect(await driver.check(await candidate(server), signal)).toEqual({ ok: true }); // builds the tree
    await driver.reload(generation, signal);
    await driver.prove(generation, signal);
    await until("a check waits", () => waiting().length === 1);
    const [first = 0] = waiting();
    expect(await driver.check(await candidate(server + server), signal)).toEqual({ ok: true });
    expect(warnings.join()).toContain('conflicting server name "a"');
    expect(waiting()).toEqual([]);
    await driver.prove(generation, signal);
    await until("another check waits", () => waiting().length === 1);
    expect(waiting()).not.toEqual([first]);
    expect(await driver.check(await candidate("server { nonsense; }\n"), signal)).toMatchObject({
      ok: false,
      output: expect.stringContaining('[emerg] unknown directive "nonsense" in '),
    });
    await until("after a refusal too", () => waiting().length === 1);
    await driver.close();
    expect(waiting()).toEqual([]);
  });

  test("proves by a URL that answers the generation's id, over and over", async () => {
    const { driver, generation, signal, put, listen } = await stage({
      proof: (address) => ({ url: `http://${address}/id`, timeout: "2s" }),
    });
    await put(`server { listen ${listen}; location /id { return 200 "${generation.id}\\n"; } }`);
    await driver.reload(generation, signal);
    expect((await driver.prove(generation, signal)).evidence).toContain(
      `/id answers ${generation.id}`,
    );
    await put(`server { listen ${listen}; location /id { return 200 "other\\n"; } }`);
    await driver.reload(generation, signal);
    await expect(driver.prove(generation, signal)).rejects.toMatchObject({
      code: "NOT_PROVED",
      message: expect.stringContaining("did not answer 0123456789ab within 2000 ms: other"),
    });
  });

  test("a reload that nginx quietly refuses is not proved, and nginx is quoted", async () => {
    const { driver, generation, signal, put } = await stage({});
    await put("limit_req_zone $remote_addr zone=z:1m rate=1r/s;");
    await driver.reload(generation, signal);
    await driver.prove(generation, signal);
    await put("limit_req_zone $uri zone=z:1m rate=1r/s;");
    await driver.reload(generation, signal);
    await expect(driver.prove(generation, signal)).rejects.toMatchObject({
      code: "NOT_PROVED",
      message: expect.stringContaining(
        '[emerg] limit_req "z" uses the "$uri" key while previously it used the "$remote_addr" key',
      ),
    });
  });

  test("a command that fails is quoted", async () => {
    const { driver, generation, signal } = await stage({
      reload: { command: ["nginx", "-s", "nonsense"] },
    });
    await expect(driver.reload(generation, signal)).rejects.toMatchObject({
      code: "RELOAD_FAILED",
      message: expect.stringContaining('invalid option: "-s nonsense"'),
    });
  });

  test("a command that hangs is ended with its children", async () => {
    const { driver, generation, signal, directory } = await stage({
      reload: (home) => ({
        command: ["sh", "-c", `sleep 600 & echo $! > ${home}/pid; wait`],
        timeout: "500ms",
      }),
    });
    await expect(driver.reload(generation, signal)).rejects.toMatchObject({
      message: expect.stringContaining("took too long"),
    });
    const sleeper = Number(await readFile(directory.at("pid"), "utf8"));
    await until("the sleeper has ended", async () => !(await isRunning(sleeper)));
  });

  test("no process is signalled when the pid file names another program", async () => {
    const { driver, generation, signal, nginx } = await stage({});
    const stranger = await startProgram(["sleep", "60"]);
    onTestFinished(async () => void (await stranger.stop()));
    await nginx.stop();
    await writeFile(nginx.pidFile, `${stranger.pid}\n`);
    await expect(driver.reload(generation, signal)).rejects.toMatchObject({ code: "PROXY_DOWN" });
    expect(stranger.isRunning()).toBe(true);
  });
});

interface Parts {
  readonly reload?: object | ((home: string) => object);
  readonly proof?: (listen: string) => object;
  readonly onWarning?: (message: string) => void;
}

async function stage({ reload = {}, proof, onWarning }: Parts) {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const { listen } = await listenAddress();
  const path = join(nginx.confDirectory, "a.conf");
  await writeFile(path, "# nothing\n");
  const way = typeof reload === "function" ? reload(directory.path) : reload;
  const text = JSON.stringify({
    proxies: [
      {
        name: "edge",
        kind: "nginx",
        config: nginx.config,
        files: [{ template: "x", path }],
        ...(Object.keys(way).length === 0 ? {} : { reload: way }),
        ...(proof === undefined ? {} : { proof: proof(listen) }),
      },
    ],
  }).replaceAll("$CONFIG", nginx.config);
  const { proxies } = parseConfig(text, { file: directory.at("fairlead.yaml"), environment: {} });
  const driver = createNginxDriver(proxies[0] as NginxConfig, {
    log:
      onWarning === undefined
        ? pino({ level: "silent" })
        : pino({ level: "warn" }, { write: (line) => onWarning(JSON.parse(line).msg) }),
    state: directory.at("state"),
  });
  onTestFinished(() => driver.close());
  const generation: Generation = { number: 1, id: "0123456789ab", paths: [path] };
  const { signal } = new AbortController();
  return {
    driver,
    nginx,
    generation,
    directory,
    signal,
    listen,
    put: async (conf: string) => await writeFile(path, `${conf}\n`),
    candidate: async (conf: string): Promise<Candidate> => {
      const stagedPath = join(nginx.confDirectory, ".a.conf.new");
      await writeFile(stagedPath, conf);
      return { files: [{ path, stagedPath, text: conf, format: "nginx" }], removed: [] };
    },
  };
}
