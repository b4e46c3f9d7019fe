import { rename, writeFile } from "node:fs/promises";
import { test } from "vitest";
import { stringify } from "yaml";
import type { DaemonStatus } from "../../src/admin/daemon.ts";
import { freePorts } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { until } from "../helpers/until.ts";
import { docker, stateOf } from "./docker.ts";
import { mountedDirectory, runContainer } from "./run-container.ts";
import { PATIENCE } from "./traffic.ts";

const RELOADS = 100;

test.concurrent.for(["nginx", "varnish"])(
  "as the first process with %s, it leaves no zombie after 100 reloads and a killed child",
  async (kind, { expect, onTestFinished }) => {
    const [port, cli, admin] = await freePorts(3);
    const directory = await mountedDirectory(onTestFinished);
    await writeFile(directory.at("fairlead.yaml"), stringify(configOf(kind, { port, cli, admin })));
    const change = async (round: number) => {
      // In one step, as an editor does.
      const address = { address: "127.0.0.1", port: 1_000 + round };
      await writeFile(directory.at("new"), stringify({ services: { web: [address] } }));
      await rename(directory.at("new"), directory.at("catalog.yaml"));
    };
    await change(0);
    const options = [
      "--read-only --cap-drop ALL",
      `-e FAIRLEAD_LISTEN=127.0.0.1:${port} -e FAIRLEAD_VARNISH_ADMIN=127.0.0.1:${cli}`,
      `-v ${directory.path}:/etc/fairlead:ro`,
    ];
    const name = await runContainer(`fairlead-${kind}`, options.join(" ").split(" "), {
      atEnd: onTestFinished,
    });
    await untilLive(admin, 1);
    for (let round = 1; round <= RELOADS; round += 1) {
      await change(round);
      await untilLive(admin, round + 1);
    }
    // Its children become the first process's own, and end at some time.
    await docker(["exec", name, "sh", "-c", `kill -9 ${await masterOf(name, kind)}`]);
    await until(
      "it is restarted",
      async () => /restarting it in/.test(await docker(["logs", name])),
      PATIENCE,
    );
    await until("no zombie is left", async () => (await zombiesIn(name)) === "", PATIENCE);
    await docker(["stop", "--time", "10", name]);
    expect((await stateOf(name)).ExitCode).toBe(0);
  },
);

function configOf(
  kind: string,
  { port, cli, admin }: Readonly<Record<"port" | "cli" | "admin", number | undefined>>,
): object {
  const quick = { quiet: "0", minInterval: "0" };
  const nginx = {
    files: [
      {
        template: "builtin:nginx/service-proxy.conf",
        path: "/var/lib/fairlead/nginx/services.conf",
      },
    ],
    reload: { supervise: ["nginx"] },
  };
  const varnish = {
    files: [
      {
        template: "builtin:varnish/service-proxy.vcl",
        path: "/var/lib/fairlead/varnish/services.vcl",
      },
    ],
    admin: { address: `127.0.0.1:${cli}`, secretFile: "/run/fairlead/varnish/_.secret" },
    reload: { supervise: ["run-varnishd"] },
  };
  return {
    catalog: { file: "catalog.yaml" },
    admin: { listen: `127.0.0.1:${admin}` },
    proxies: [{ name: kind, kind, settle: quick, ...(kind === "nginx" ? nginx : varnish) }],
    values: { nginx: { listen: `127.0.0.1:${port}` } },
  };
}

async function untilLive(admin: number | undefined, generation: number): Promise<void> {
  await until(
    `generation ${generation} is live`,
    async () => {
      const { body } = await request(`http://127.0.0.1:${admin}/v1/status`);
      const { proxies } = JSON.parse(body) as DaemonStatus;
      return proxies[0]?.live?.number === generation;
    },
    PATIENCE,
  );
}

async function masterOf(container: string, kind: string): Promise<string> {
  const children = await docker(["exec", container, "sh", "-c", "cat /proc/[0-9]*/stat"]);
  const named = kind === "nginx" ? "(nginx)" : "(varnishd)";
  // The oldest of that name is the parent of the others.
  const pids = children
    .split("\n")
    .filter((line) => line.includes(named))
    .map((line) => Number.parseInt(line, 10));
  return String(Math.min(...pids));
}

/** Lines of /proc/PID/stat of those that ended and that nobody asked about. */
async function zombiesIn(container: string): Promise<string> {
  const all = await docker([
    "exec",
    container,
    "sh",
    "-c",
    "cat /proc/[0-9]*/stat 2>/dev/null; true",
  ]);
  return all
    .split("\n")
    .filter((line) => /\) Z /.test(line))
    .join("\n");
}
