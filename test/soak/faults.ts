import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../helpers/request.ts";
import { until } from "../helpers/until.ts";
import type { Load } from "./load.ts";
import { GOOD_TEMPLATE, WEB, type World } from "./world.ts";

/** Something that happens during a soak test, and is over when it resolves. */
export interface Fault {
  readonly name: string;
  /** How often, beside the others. */
  readonly weight: number;
  /** Only in the first part of the time. */
  readonly until?: number;
  happen(): Promise<void>;
}

export function faultsFor(
  world: World,
  {
    loads,
    random,
  }: {
    readonly loads: { readonly edge: Load; readonly cache: Load };
    readonly random: () => number;
  },
): readonly Fault[] {
  const { consul, nginx, varnish, siteTemplate, siteDirectory, sitePorts } = world;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const flapping = WEB.slice(1);
  let extra = 0;

  return [
    {
      name: "change a health",
      weight: 300,
      happen: () => consul.setHealth(pick(flapping), pick(["pass", "fail", "warn"])),
    },
    {
      name: "change a key",
      weight: 100,
      happen: () => consul.putKey("site/text", `text ${Math.floor(random() * 1e9)}`),
    },
    {
      name: "register a service",
      weight: 50,
      async happen() {
        extra += 1;
        await consul.register({
          name: `extra-${extra % 20}`,
          id: `extra-${extra % 20}`,
          port: 1_000 + (extra % 500),
        });
      },
    },
    {
      name: "deregister a service",
      weight: 40,
      happen: () => consul.deregister(`extra-${Math.floor(random() * 20)}`).catch(() => undefined),
    },
    { name: "kill Fairlead", weight: 25, until: 0.15, happen: () => world.restartFairlead() },
    {
      name: "restart nginx",
      weight: 2,
      async happen() {
        await loads.edge.pause();
        await nginx.startAgain();
        await until(
          "nginx serves again",
          async () => (await request(`${world.edgeUrl}/web/x`)).status === 200,
        );
        loads.edge.resume();
      },
    },
    {
      name: "restart Varnish",
      weight: 2,
      async happen() {
        await loads.cache.pause();
        await varnish.startAgain();
        await until(
          "Varnish serves again",
          async () => (await request(`${world.cacheUrl}/web/x`)).status === 200,
        );
        loads.cache.resume();
      },
    },
    {
      name: "restart Consul, empty",
      weight: 2,
      async happen() {
        await consul.kill();
        await sleep(random() * 1_000);
        await consul.startAgain();
        await world.fill();
      },
    },
    {
      name: "break a template",
      weight: 6,
      async happen() {
        await writeFile(siteTemplate, pick(["{{#each", "{{nonsense 1}}", "server { lisen 1; }\n"]));
        await sleep(300 + random() * 500);
        await writeFile(siteTemplate, GOOD_TEMPLATE);
      },
    },
    {
      name: "take a port",
      weight: 3,
      async happen() {
        const [free, taken] = sitePorts;
        const occupier = createServer().listen(taken, "127.0.0.1");
        await consul.putKey("site/port", String(taken));
        await sleep(random() * 4_000);
        await consul.putKey("site/port", String(free));
        await new Promise((resolve) => occupier.close(resolve));
      },
    },
    {
      name: "fill the disk",
      weight: 4,
      async happen() {
        const filler = join(siteDirectory, "filler");
        await writeFile(filler, Buffer.alloc(256 * 1024)).catch(() => undefined);
        await consul.putKey("site/text", `full ${Math.floor(random() * 1e9)}`);
        await sleep(random() * 1_500);
        await rm(filler, { force: true });
      },
    },
  ];
}
