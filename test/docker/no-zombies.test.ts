import { chmod, rename, writeFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../helpers/free-port.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";
import { imageOf } from "./build-images.ts";
import { docker, stateOf } from "./docker.ts";
import { PATIENCE } from "./traffic.ts";

const RELOADS = 100;

test.each(["nginx", "varnish"])(
  "as the first process with %s, it leaves no zombie after 100 reloads and a killed child",
  async (kind) => {
    const [port, cli] = await freePorts(2);
    const directory = await tempDirectory();
    onTestFinished(() => directory.remove());
    await chmod(directory.path, 0o755);
    await writeFile(directory.at("fairlead.yaml"), stringify(configOf(kind, { port, cli })));
    const change = async (round: number) => {
      // In one step, as an editor does.
      const address = { address: "127.0.0.1", port: 1_000 + round };
      await writeFile(directory.at("new"), stringify({ services: { web: [address] } }));
      await rename(directory.at("new"), directory.at("catalog.yaml"));
    };
    await change(0);
    const name = await docker([
      ..."run -d --network host --read-only --cap-drop ALL".split(" "),
      ...`-e FAIRLEAD_LISTEN=127.0.0.1:${port}`.split(" "),
      ...`-e FAIRLEAD_VARNISH_ADMIN=127.0.0.1:${cli}`.split(" "),
      "-v",
      `${directory.path}:/etc/fairlead:ro`,
      imageOf(`fairlead-${kind}`),
    ]);
    onTestFinished(async () => void (await docker(["rm", "-f", "-v", name])));
    await untilLive(name, 1);
    for (let round = 1; round <= RELOADS; round += 1) {
      await change(round);
      await untilLive(name, round + 1);
    }
    // Its children become the first process's own, and end at some time.
    await docker(["exec", name, "sh", "-c", `kill -9 ${await masterOf(name, kind)}`]);
    await until(
      "it is started again",
      async () => /it is started again/.test(await docker(["logs", name])),
      PATIENCE,
    );
    await until("no zombie is left", async () => (await zombiesIn(name)) === "", PATIENCE);
    await docker(["stop", "--time", "10", name]);
    expect((await stateOf(name)).ExitCode).toBe(0);
  },
);

function configOf(
  kind: string,
  { port, cli }: { readonly port: number | undefined; readonly cli: number | undefined },
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
    proxies: [{ name: kind, kind, settle: quick, ...(kind === "nginx" ? nginx : varnish) }],
    values: { nginx: { listen: `127.0.0.1:${port}` } },
  };
}

async function untilLive(container: string, generation: number): Promise<void> {
  await until(
    `generation ${generation} is live`,
    async () =>
      (await docker(["logs", "--tail", "50", container])).includes(
        `generation ${generation} is live`,
      ),
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
