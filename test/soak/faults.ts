import { rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../helpers/request.ts";
import type { Traffic } from "../helpers/traffic.ts";
import { until } from "../helpers/until.ts";
import { GOOD_TEMPLATE, type SoakEnvironment, WEB } from "./soak-environment.ts";
import type { SoakSite } from "./soak-site.ts";

/** Something that happens during a soak test, to both sites, and is over when it resolves. */
export interface Fault {
  readonly name: string;
  /** How often, beside the others. */
  readonly weight: number;
  happen(): Promise<void>;
}

/** A site and the requests to it. */
export interface SiteUnderLoad {
  readonly site: SoakSite;
  readonly traffic: { readonly edge: Traffic; readonly cache: Traffic };
}

export function faultsFor(
  environment: SoakEnvironment,
  { loaded, random }: { readonly loaded: readonly SiteUnderLoad[]; readonly random: () => number },
): readonly Fault[] {
  const { consul, siteTemplate } = environment;
  const sites = loaded.map(({ site }) => site);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const flapping = WEB.slice(1);
  let extra = 0;
  const setPorts = async (which: 0 | 1) => {
    for (const { portKey, sitePorts } of sites)
      await consul.putKey(portKey, String(sitePorts[which]));
  };

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
        const id = `extra-${extra % 20}`;
        await consul.register({ name: id, id, port: 1_000 + (extra % 500) });
      },
    },
    {
      name: "deregister a service",
      weight: 40,
      happen: () => consul.deregister(`extra-${Math.floor(random() * 20)}`).catch(() => undefined),
    },
    {
      name: "restart nginx",
      weight: 2,
      happen: () =>
        ofEach(loaded, async ({ site, traffic }) => {
          await traffic.edge.pause();
          await site.nginx.startAgain();
          await untilServed(`${site.edgeUrl}/web/x`);
          traffic.edge.resume();
        }),
    },
    {
      name: "restart Varnish",
      weight: 2,
      happen: () =>
        ofEach(loaded, async ({ site, traffic }) => {
          await traffic.cache.pause();
          await site.varnish.startAgain();
          await untilServed(`${site.cacheUrl}/web/x`);
          traffic.cache.resume();
        }),
    },
    {
      name: "restart Consul, empty",
      weight: 10,
      async happen() {
        await consul.kill();
        await sleep(random() * 1_000);
        await consul.startAgain();
        await environment.registerAll("critical");
        await sleep(random() * 2_000);
        for (const id of WEB) await consul.setHealth(id, "pass");
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
        const frees = await Promise.all(sites.map(({ sitePorts }) => take(sitePorts[1])));
        await setPorts(1);
        await sleep(random() * 4_000);
        await setPorts(0);
        await ofEach(frees, (free) => free());
      },
    },
    {
      name: "fill the disk",
      weight: 4,
      async happen() {
        const fillers = sites.map(({ siteDirectory }) => join(siteDirectory, "filler"));
        await ofEach(fillers, (it) =>
          writeFile(it, Buffer.alloc(256 * 1024)).catch(() => undefined),
        );
        await consul.putKey("site/text", `full ${Math.floor(random() * 1e9)}`);
        await sleep(random() * 1_500);
        await ofEach(fillers, (it) => rm(it, { force: true }));
      },
    },
  ];
}

/** Occupies a port, once nginx has left it from the last time: while Fairlead is down, or when the port was freed early. */
async function take(port: number): Promise<() => Promise<void>> {
  const server = await until(
    `port ${port} is free`,
    () =>
      new Promise<Server>((resolve, reject) => {
        const listening = createServer().once("error", reject);
        listening.listen(port, "127.0.0.1", () => resolve(listening));
      }),
  );
  return () => new Promise<void>((resolve) => void server.close(() => resolve()));
}

async function ofEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(work));
}

const untilServed = (url: string): Promise<unknown> =>
  until(`${url} is served`, async () => (await request(url)).status === 200);
