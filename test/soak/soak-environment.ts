import { writeFile } from "node:fs/promises";
import { request } from "../helpers/request.ts";
import { startSampleProcess } from "../helpers/sample-process.ts";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";
import { type SoakSite, startSoakSite } from "./soak-site.ts";

export const GOOD_TEMPLATE =
  'server { listen 127.0.0.1:{{key values.portKey}}; location / { return 200 "{{key "site/text"}}"; } }\n';

/** All that runs during a soak test. */
export interface SoakEnvironment {
  readonly consul: ConsulAgent;
  readonly siteTemplate: string;
  /** Its Fairlead is killed again and again. */
  readonly killed: SoakSite;
  /** Its Fairlead sees the same changes and faults, but is never killed: its memory is watched. */
  readonly spared: SoakSite;
  /** Registers all services: an agent that was restarted is empty. `begins` is the state of their checks. */
  registerAll(begins?: "passing" | "critical"): Promise<void>;
  /** Makes everything healthy, and resolves once both sites serve all of it. */
  untilRecovered(): Promise<void>;
  stop(): Promise<void>;
}

/** Instances of `web`. The first one is always healthy. */
export const WEB = ["web-0", "web-1", "web-2", "web-3"] as const;

export async function startSoakEnvironment(): Promise<SoakEnvironment> {
  const directory = await tempDirectory();
  const ends: (() => Promise<unknown>)[] = [() => directory.remove()];
  const end = async () => {
    for (const one of ends.toReversed())
      await one().catch((error: unknown) => console.error(error));
  };
  try {
    const consul = await startConsul();
    ends.push(() => consul.stop());
    const services = await Promise.all(WEB.map(startSampleProcess));
    for (const service of services) ends.push(() => service.stop());
    const siteTemplate = directory.at("site.hbs");
    await writeFile(siteTemplate, GOOD_TEMPLATE);
    const from = { directory, consul: consul.address, siteTemplate };
    const killed = await startSoakSite("killed", from);
    ends.push(() => killed.stop());
    const spared = await startSoakSite("spared", from);
    ends.push(() => spared.stop());
    const registerAll = async (begins: "passing" | "critical" = "passing") => {
      for (const { name: id, port } of services)
        await consul.register({ name: "web", id, port, begins });
      for (const { portKey, sitePorts } of [killed, spared])
        await consul.putKey(portKey, String(sitePorts[0]));
      await consul.putKey("site/text", "initial");
    };
    const untilRecovered = async () => {
      await writeFile(siteTemplate, GOOD_TEMPLATE);
      await registerAll();
      for (const site of [killed, spared]) await untilSiteRecovered(site, consul);
    };
    await untilRecovered();
    return {
      consul,
      siteTemplate,
      killed,
      spared,
      registerAll,
      untilRecovered,
      stop: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function untilSiteRecovered(site: SoakSite, consul: ConsulAgent): Promise<void> {
  const { name, edgeUrl, cacheUrl, sitePorts, fairlead } = site;
  const hasRecovered = async () => {
    await consul.putKey("site/text", "initial");
    const [edge, cache, text] = await Promise.all([
      request(`${edgeUrl}/web/x`),
      request(`${cacheUrl}/web/x`),
      request(`http://127.0.0.1:${sitePorts[0]}/`),
    ]);
    return edge.status === 200 && cache.status === 200 && text.body === "initial";
  };
  try {
    await until(`"${name}" serves all its routes`, hasRecovered, { patienceMs: 120_000 });
  } catch (error) {
    console.error(fairlead().output().split("\n").slice(-30).join("\n"));
    throw error;
  }
}
