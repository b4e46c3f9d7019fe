import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { freePorts } from "../helpers/free-port.ts";
import { type Fairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { type Nginx, startNginx } from "../helpers/start-nginx.ts";
import { startVarnish, type Varnish } from "../helpers/start-varnish.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";

/** One Fairlead with an nginx and a Varnish of its own. */
export interface SoakSite {
  readonly name: string;
  readonly config: string;
  /** An absolute path below its directory. */
  at(name: string): string;
  readonly nginx: Nginx;
  readonly varnish: Varnish;
  readonly edgeUrl: string;
  readonly cacheUrl: string;
  /** The key in Consul that holds the site's port, and two ports for it. */
  readonly portKey: string;
  readonly sitePorts: readonly [number, number];
  /** On a small file system of its own. */
  readonly siteDirectory: string;
  fairlead(): Fairlead;
  killFairlead(): Promise<void>;
  /** The memory in use after a complete garbage collection, in MiB. */
  retainedMiB(): Promise<number>;
  stop(): Promise<void>;
}

export async function startSoakSite(
  name: string,
  environment: {
    readonly directory: TempDirectory;
    readonly consul: string;
    readonly siteTemplate: string;
  },
): Promise<SoakSite> {
  const at = (path: string) => join(environment.directory.at(name), path);
  for (const directory of ["cache", "tmp", "site.d"])
    await mkdir(at(directory), { recursive: true });
  await chmod(at("tmp"), 0o1777); // as /tmp: varnishd's compiler is another user
  const siteDirectory = at("site.d");
  const run = promisify(execFile);
  await run("mount", ["-t", "tmpfs", "-o", "size=256k,mode=0755", "none", siteDirectory]);
  const ends: (() => Promise<unknown>)[] = [() => run("umount", [siteDirectory])];
  const nginx = await startNginx(at("."));
  ends.push(() => nginx.stop());
  const varnish = await startVarnish(at("cache"));
  ends.push(() => varnish.stop());
  await writeFile(join(nginx.confDirectory, "sites.conf"), `include ${siteDirectory}/*.conf;\n`);
  const [listen = 0, first = 0, second = 0, admin = 0] = await freePorts(4);
  const portKey = `site/port-${name}`;
  const settling = {
    settle: { quiet: "50ms", max: "500ms", minInterval: "200ms" },
    guard: { hold: "3s" }, // a Consul that was restarted lacks services for good
  };
  const config = at("fairlead.yaml");
  await writeFile(
    config,
    stringify({
      state: "state",
      admin: { listen: `127.0.0.1:${admin}` },
      consul: { address: environment.consul, wait: "10s" },
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
            { template: environment.siteTemplate, path: join(siteDirectory, "site.conf") },
          ],
          ...settling,
        },
        {
          name: "cache",
          kind: "varnish",
          admin: { address: varnish.admin, secretFile: varnish.secretFile },
          files: [{ template: "builtin:varnish/service-proxy.vcl", path: varnish.vcl }],
          ...settling,
        },
      ],
      values: { nginx: { listen: `127.0.0.1:${listen}` }, portKey },
    }),
  );
  const reportMemory = new URL("report-memory.mjs", import.meta.url);
  reportMemory.searchParams.set("file", at("memory"));
  const env = { TMPDIR: at("tmp"), NODE_OPTIONS: `--import=${reportMemory.href}` };
  const start = () => startFairlead(["run", "-c", config], { env });
  let fairlead = await start();
  ends.push(() => fairlead.stop());

  return {
    name,
    config,
    at,
    nginx,
    varnish,
    edgeUrl: `http://127.0.0.1:${listen}`,
    cacheUrl: varnish.url,
    portKey,
    sitePorts: [first, second],
    siteDirectory,
    fairlead: () => fairlead,
    async killFairlead() {
      await fairlead.stop("SIGKILL");
      fairlead = await start();
    },
    async retainedMiB() {
      await rm(at("memory"), { force: true });
      process.kill(fairlead.pid, "SIGUSR2");
      const bytes = await until("it reports its memory", async () =>
        Number(await readFile(at("memory"), "utf8")),
      );
      return bytes / 1_048_576;
    },
    async stop() {
      for (const end of ends.toReversed())
        await end().catch((error: unknown) => console.error(error));
    },
  };
}
