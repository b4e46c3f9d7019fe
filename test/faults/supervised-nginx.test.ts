import { access, rename, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { readPid } from "../../src/proxy/nginx/nginx-process.ts";
import {
  readChildren,
  readGroup,
  readProcess,
  readProcText,
} from "../../src/proxy/process-table.ts";
import { request } from "../helpers/request.ts";
import { type Fairlead, type LogLine, runFairlead } from "../helpers/start-fairlead.ts";
import { writeNginxConfig } from "../helpers/start-nginx.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import {
  listenAddress,
  testDirectory,
  testFairlead,
  untilAnsweredBy,
  whoAnswers,
  writeConfig,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/* nginx as Fairlead's child: it ends with Fairlead, comes back when it dies, and is found again. */

const isStart = ({ msg }: LogLine) => msg.startsWith('started "nginx');

test("ends it gracefully: a request that is under way is answered, and no process is left", async () => {
  const { fairlead, master, url, service } = await start();
  const answered = slowRequest(url);
  await until("the service has the request", () => service.held() > 0);
  const ended = fairlead.stop("SIGTERM", 5_000);
  await until("nginx takes no more requests", async () => {
    await expect(request(url)).rejects.toThrow();
    return true;
  });
  service.release();
  expect(await answered).toBe(200);
  expect(await ended).toBe(0);
  expect(readGroup(master)).toEqual([]);
});

// timeout(1) signals its child and then the child's group: two within a millisecond.
test.each([0, 0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])(
  "a second SIGTERM and a SIGINT, each %d ms after the one before, leave no process",
  async (apartMs) => {
    const { fairlead, master } = await start();
    for (const signal of ["SIGTERM", "SIGTERM", "SIGINT"] as const) {
      if (fairlead.isRunning()) process.kill(fairlead.pid, signal);
      await sleep(apartMs);
    }
    // A signal that arrives while Node itself ends, after all work is over, ends the process by its default action.
    expect([0, null]).toContain(await fairlead.ended);
    expect(readGroup(master)).toEqual([]);
  },
);

test("ends it by force when a connection outlasts reload.stopTimeout", async () => {
  const { fairlead, master, url, service } = await start({ stopTimeout: "200ms" });
  const answered = slowRequest(url).catch((error: Error) => error);
  await until("the service has the request", () => service.held() > 0);
  expect(await fairlead.stop("SIGINT", 5_000)).toBe(0);
  expect(await answered).toBeInstanceOf(Error);
  expect(readGroup(master)).toEqual([]);
  expect(fairlead.output()).toContain("did not end gracefully within 200 ms");
});

test("starts it again when its master is killed, though the workers held its address", async () => {
  const { fairlead, master, url } = await start();
  const workers = readGroup(master).filter(({ pid }) => pid !== master);
  expect(workers.length).toBeGreaterThan(0);
  const from = fairlead.log().length;
  process.kill(master, "SIGKILL");
  await fairlead.untilLog(
    "it died",
    ({ msg }) => msg.includes("was ended by SIGKILL; restarting it"),
    from,
  );
  const again = await fairlead.untilLog("it was started again", isStart, from);
  await fairlead.untilResult("live", from);
  expect([...(await whoAnswers(`${url}/web/`, 2))]).toEqual(["web"]);
  await until("the orphans are gone", () => readGroup(master).length === 0);
  expect(await fairlead.stop()).toBe(0);
  expect(readGroup(Number(again["pid"]))).toEqual([]);
});

test("--once: says what nginx said when it cannot start at all, and exits with 1", async () => {
  const { directory, config, listen } = await prepare();
  const taken = http.createServer();
  const port = Number(listen.split(":")[1]);
  await new Promise<void>((resolve) => taken.listen(port, "127.0.0.1", resolve));
  try {
    const { exitCode, log, output } = await runFairlead([
      "run",
      "-c",
      await writeConfig(directory, config()),
      "--once",
    ]);
    expect(exitCode, output).toBe(1);
    expect(log.find(({ result }) => result === "failed")?.msg).toMatch(
      /Cannot start nginx: "nginx" ended with exit code 1: \[emerg\] bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address already in use\)/,
    );
    expect(readPid(directory.at("nginx.pid"))).toBeUndefined();
  } finally {
    await new Promise((resolve) => taken.close(resolve));
  }
});

test("takes over the nginx that a killed Fairlead left, and ends it in the end", async () => {
  const { directory, config, fairlead, master, url } = await start();
  await kill(fairlead);
  expect([...(await whoAnswers(`${url}/web/`, 1))]).toEqual(["web"]);
  const next = await testFairlead(directory, config());
  await next.untilLog("it was taken over", ({ msg }) => msg.startsWith("took over"));
  await next.untilResult("live");
  expect(next.log().some(isStart)).toBe(false);
  expect(readGroup(master).length).toBeGreaterThan(1);
  expect([...(await whoAnswers(`${url}/web/`, 1))]).toEqual(["web"]);
  expect(await next.stop("SIGTERM", 5_000)).toBe(0);
  expect(readGroup(master)).toEqual([]);
});

test("ends what a killed Fairlead left when its command has changed since", async () => {
  const { directory, config, fairlead, master, url } = await start();
  await kill(fairlead);
  const next = await testFairlead(
    directory,
    config({ supervise: [...command(directory), "-e", directory.at("error.log")] }),
  );
  await next.untilLog("the old one is ended", ({ msg }) => msg.startsWith("ending the process"));
  await next.untilLog("it was started", isStart);
  await next.untilResult("live");
  expect(readGroup(master)).toEqual([]);
  expect([...(await whoAnswers(`${url}/web/`, 1))]).toEqual(["web"]);
});

test("starts it at once with the files of before while the catalog is away", async () => {
  const { directory, config, fairlead, url } = await start();
  await fairlead.stop();
  const away = { ...config(), catalog: undefined, consul: { address: "http://127.0.0.1:1" } };
  const next = await testFairlead(directory, away);
  await next.untilLog("it was started", isStart);
  await untilAnsweredBy("web", `${url}/web/`);
});

test("SIGUSR1 makes it open its logs again", async () => {
  const { directory, fairlead } = await start();
  await rename(directory.at("error.log"), directory.at("error.log.1"));
  process.kill(fairlead.pid, "SIGUSR1");
  await until("a new log is there", async () => {
    await access(directory.at("error.log"));
    return true;
  });
  expect(fairlead.isRunning()).toBe(true);
  expect(fairlead.output()).not.toContain("Debugger listening");
});

test.runIf(process.getuid?.() === 0)(
  "as process 1 of a container: no zombie stays, and nothing is left when it ends",
  async () => {
    const { directory, config, url } = await prepare();
    const fairlead = await testFairlead(directory, config(), {
      within: ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"],
    });
    await fairlead.untilResult("live");
    const [one = 0] = readChildren(fairlead.pid);
    const inside = () => descendantsOf(one);
    const from = fairlead.log().length;
    const master = inside().find(({ pid }) => isMaster(pid))?.pid ?? 0;
    process.kill(master, "SIGKILL");
    await fairlead.untilResult("live", from);
    await until("the orphans were waited for", () => inside().every(({ isZombie }) => !isZombie));
    expect([...(await whoAnswers(`${url}/web/`, 1))]).toEqual(["web"]);
    process.kill(one, "SIGTERM");
    expect(await fairlead.ended).toBe(0);
    await until("nothing is left", () => inside().length === 0);
  },
);

/** A service that is called web, holds slow requests, and an nginx without a process yet. */
async function prepare() {
  const directory = await testDirectory();
  await writeNginxConfig(directory.path);
  const service = await holdingService();
  const { listen, url } = await listenAddress();
  await writeFile(
    directory.at("catalog.yaml"),
    `services: { web: [{ address: 127.0.0.1, port: ${service.port} }] }\n`,
  );
  const config = (reload: object = {}) => ({
    catalog: { file: "catalog.yaml" },
    proxies: [
      {
        name: "edge",
        kind: "nginx",
        config: directory.at("nginx.conf"),
        files: [
          {
            template: "builtin:nginx/service-proxy.conf",
            path: directory.at("conf.d/services.conf"),
          },
        ],
        reload: { supervise: command(directory), ...reload },
      },
    ],
    values: { nginx: { listen } },
  });
  return { directory, service, listen, url, config };
}

/** The same with a Fairlead that runs and an nginx that serves. */
async function start(reload: object = {}) {
  const prepared = await prepare();
  const fairlead = await testFairlead(prepared.directory, prepared.config(reload));
  const started = await fairlead.untilLog("it was started", isStart);
  await fairlead.untilResult("live");
  const master = Number(started["child"]);
  onTestFinished(() => {
    for (const { pid } of readGroup(master)) process.kill(pid, "SIGKILL");
  });
  return { ...prepared, fairlead, master };
}

const command = (directory: TempDirectory): readonly string[] => [
  "nginx",
  "-c",
  directory.at("nginx.conf"),
  "-g",
  "daemon off;",
];

async function holdingService() {
  let requests = 0;
  const held: http.ServerResponse[] = [];
  const server = http.createServer((incoming, outgoing) => {
    if (!incoming.url?.startsWith("/slow")) return outgoing.end(JSON.stringify({ name: "web" }));
    requests += 1;
    held.push(outgoing);
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    held: () => requests,
    release() {
      for (const response of held.splice(0)) response.end("at last\n");
    },
  };
}

/** Its nginx holds its outputs open, so that they do not close. */
async function kill(fairlead: Fairlead): Promise<void> {
  process.kill(fairlead.pid, "SIGKILL");
  await until("fairlead is gone", () => !fairlead.isRunning());
}

const slowRequest = (url: string): Promise<number> =>
  request(`${url}/web/slow`).then(({ status }) => status);

const isMaster = (pid: number): boolean =>
  readProcText(`${pid}/cmdline`)?.startsWith("nginx: master process") === true;

interface Below {
  readonly pid: number;
  readonly isZombie: boolean;
}

/** A process and all below it. */
function descendantsOf(pid: number): readonly Below[] {
  const entry = readProcess(pid);
  return entry === undefined ? [] : [entry, ...readChildren(pid).flatMap(descendantsOf)];
}
