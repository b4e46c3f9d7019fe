import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { type RunningProgram, startProgram } from "../helpers/child-process.ts";
import { freePorts } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { type Fairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { type Nginx, startNginx } from "../helpers/start-nginx.ts";
import { startVarnish, type Varnish } from "../helpers/start-varnish.ts";
import { type TempDirectory, tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";

export const GOOD_TEMPLATE =
  'server { listen 127.0.0.1:{{key "site/port"}}; location / { return 200 "{{key "site/text"}}"; } }\n';

/** All that runs during a soak test. */
export interface World {
  readonly directory: TempDirectory;
  readonly config: string;
  readonly consul: ConsulAgent;
  readonly nginx: Nginx;
  readonly varnish: Varnish;
  readonly edgeUrl: string;
  readonly cacheUrl: string;
  readonly sitePorts: readonly [number, number];
  readonly siteTemplate: string;
  /** Directory on a small file system of its own, if mounting is allowed here. */
  readonly siteDirectory: string;
  fairlead(): Fairlead;
  restartFairlead(): Promise<void>;
  /** Registers all services anew: an agent that was restarted is empty. */
  fill(): Promise<void>;
  /** Everything healthy and well again, and Fairlead has nothing more to do. */
  calm(): Promise<void>;
  end(): Promise<void>;
}

/** Instances of `web`. The first one is always healthy. */
export const WEB = ["web-0", "web-1", "web-2", "web-3"] as const;

export async function raiseWorld(): Promise<World> {
  const directory = await tempDirectory();
  const ends: (() => Promise<unknown>)[] = [() => directory.remove()];
  const consul = await startConsul();
  ends.push(() => consul.stop());
  const nginx = await startNginx(directory.path);
  ends.push(() => nginx.stop());
  await mkdir(directory.at("cache"));
  const varnish = await startVarnish(directory.at("cache"));
  ends.push(() => varnish.stop());
  const [listen = 0, first = 0, second = 0, ...ports] = await freePorts(3 + WEB.length);
  const services = await Promise.all(WEB.map((name, i) => serve(name, ports[i] ?? 0)));
  ends.push(() => Promise.all(services.map((service) => service.stop())));

  const siteDirectory = directory.at("site.d");
  await mkdir(siteDirectory);
  await promisify(execFile)("mount", [
    "-t",
    "tmpfs",
    "-o",
    "size=256k,mode=0755",
    "none",
    siteDirectory,
  ]);
  ends.push(() => promisify(execFile)("umount", [siteDirectory]));
  await writeFile(join(nginx.confDirectory, "sites.conf"), `include ${siteDirectory}/*.conf;\n`);
  const siteTemplate = directory.at("site.hbs");
  await writeFile(siteTemplate, GOOD_TEMPLATE);
  const config = directory.at("fairlead.yaml");
  await writeFile(
    config,
    stringify({
      state: "state",
      consul: { address: consul.address, wait: "10s" },
      proxies: [
        {
          name: "edge",
          kind: "nginx",
          config: nginx.config,
          files: [
            {
              template: "builtin:nginx/service-proxy.conf",
              path: join(nginx.confDirectory, "services.conf"),
            },
            { template: siteTemplate, path: join(siteDirectory, "site.conf") },
          ],
          settle: { quiet: "50ms", max: "500ms", minInterval: "200ms" },
          guard: { hold: "3s" }, // a Consul that was restarted lacks services for good
        },
        {
          name: "cache",
          kind: "varnish",
          admin: { address: varnish.admin, secretFile: varnish.secretFile },
          files: [{ template: "builtin:varnish/service-proxy.vcl", path: varnish.vcl }],
          settle: { quiet: "50ms", max: "500ms", minInterval: "200ms" },
          guard: { hold: "3s" }, // a Consul that was restarted lacks services for good
        },
      ],
      values: { nginx: { listen: `127.0.0.1:${listen}` } },
    }),
  );
  const fill = async () => {
    for (const [i, id] of WEB.entries()) {
      await consul.register({ name: "web", id, port: ports[i] ?? 0 });
    }
    await consul.putKey("site/port", String(first));
    await consul.putKey("site/text", "calm");
  };
  await fill();
  const edgeUrl = `http://127.0.0.1:${listen}`;
  const collect = new URL("collect-garbage.mjs", import.meta.url).href;
  const env = { TMPDIR: directory.at("tmp"), NODE_OPTIONS: `--import=${collect}` };
  const start = () => startFairlead(["run", "-c", config], { env });
  await mkdir(directory.at("tmp"));
  await chmod(directory.at("tmp"), 0o1777); // as /tmp: varnishd's compiler is another user
  let fairlead = await start();
  ends.push(() => fairlead.stop());
  const world: World = {
    directory,
    config,
    consul,
    nginx,
    varnish,
    edgeUrl,
    cacheUrl: varnish.url,
    sitePorts: [first, second],
    siteTemplate,
    siteDirectory,
    fairlead: () => fairlead,
    async restartFairlead() {
      await fairlead.stop("SIGKILL");
      fairlead = await start();
    },
    fill,
    async calm() {
      await writeFile(siteTemplate, GOOD_TEMPLATE);
      await fill();
      await until("all is served as it should be", () => isCalm(world), { patienceMs: 120_000 });
    },
    async end() {
      for (const end of ends.toReversed())
        await end().catch((error: unknown) => console.error(error));
    },
  };
  try {
    await world.calm();
  } catch (error) {
    console.error(fairlead.output());
    await world.end();
    throw error;
  }
  return world;
}

async function isCalm({ edgeUrl, cacheUrl, sitePorts, consul }: World): Promise<boolean> {
  await consul.putKey("site/text", "calm");
  const [edge, cache, site] = await Promise.all([
    request(`${edgeUrl}/web/x`),
    request(`${cacheUrl}/web/x`),
    request(`http://127.0.0.1:${sitePorts[0]}/`),
  ]);
  return edge.status === 200 && cache.status === 200 && site.body === "calm";
}

async function serve(name: string, port: number): Promise<RunningProgram> {
  const file = fileURLToPath(new URL("../helpers/serve-sample.ts", import.meta.url));
  const program = await startProgram([
    process.execPath,
    "--import",
    "tsx",
    file,
    name,
    String(port),
  ]);
  await until(
    `${name} answers`,
    async () => (await request(`http://127.0.0.1:${port}/`)).status === 200,
  );
  return program;
}
