import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type RunningProgram, startProgram } from "../helpers/child-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { type Fairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { startNginx } from "../helpers/start-nginx.ts";
import { startVarnish } from "../helpers/start-varnish.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";

/** All that the demo runs. */
export interface Demo {
  readonly nginxUrl: string;
  readonly varnishUrl: string;
  readonly consul: ConsulAgent;
  readonly configFile: string;
  /** Where the daemon serves its status. */
  readonly adminUrl: string;
  readonly fairlead: Fairlead;
  readonly services: readonly DemoService[];
}

/** One instance of a sample service, in a process of its own. */
export interface DemoService {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

export interface DemoPorts {
  readonly nginxPort?: number;
  readonly varnishPort?: number;
  readonly consulPort?: number;
}

const INSTANCES = [
  { service: "web", id: "web-1", tags: ["route.probe=/health"] },
  { service: "web", id: "web-2", tags: ["route.probe=/health"] },
  { service: "api", id: "api-1", tags: ["route.path=/api", "route.timeout=10s"] },
  { service: "api", id: "api-2", tags: ["route.path=/api", "route.timeout=10s"] },
  {
    service: "events",
    id: "events-1",
    tags: ["route.host=events.test", "route.balance=least_conn"],
  },
] as const;

/**
 * Starts everything and waits until the routes are served.
 *
 * @param onEnd gets the function that ends each program, as soon as its start has begun
 */
export async function startDemo(
  ports: DemoPorts,
  onEnd: (end: () => Promise<unknown>) => void,
): Promise<Demo> {
  const directory = await tempDirectory();
  onEnd(() => directory.remove());
  await mkdir(directory.at("cache"));
  const [consul, nginx, varnish] = await Promise.all([
    owned(startConsul(ports.consulPort === undefined ? {} : { httpPort: ports.consulPort }), onEnd),
    owned(startNginx(directory.path), onEnd),
    owned(
      startVarnish(
        directory.at("cache"),
        ports.varnishPort === undefined ? {} : { port: ports.varnishPort },
      ),
      onEnd,
    ),
  ]);
  const services = await Promise.all(
    INSTANCES.map(async (it) => await startService(it, consul, onEnd)),
  );
  const listen = `127.0.0.1:${ports.nginxPort ?? (await freePort())}`;
  const admin = `127.0.0.1:${await freePort()}`;
  const configFile = directory.at("fairlead.yaml");
  await writeFile(
    configFile,
    stringify({
      consul: { address: consul.address },
      state: "state",
      admin: { listen: admin },
      proxies: [
        {
          name: "edge",
          kind: "nginx",
          config: "nginx.conf",
          files: [{ template: "builtin:nginx/service-proxy.conf", path: "conf.d/services.conf" }],
        },
        {
          name: "cache",
          kind: "varnish",
          admin: { address: varnish.admin, secretFile: "cache/secret" },
          files: [{ template: "builtin:varnish/service-proxy.vcl", path: "cache/services.vcl" }],
        },
      ],
      values: { nginx: { listen } },
    }),
  );
  const fairlead = await owned(startFairlead(["run", "-c", configFile]), onEnd);
  const demo = {
    nginxUrl: `http://${listen}`,
    varnishUrl: varnish.url,
    consul,
    configFile,
    adminUrl: `http://${admin}`,
    fairlead,
    services,
    nginx,
  };
  for (const url of [demo.nginxUrl, demo.varnishUrl]) {
    await until(`${url}/web/ answers`, async () => {
      if (!fairlead.isRunning()) throw new Error(fairlead.output());
      return (await request(`${url}/web/`)).status === 200;
    });
  }
  return demo;
}

/** Makes sure that a program ends, also when the demo is interrupted while it starts. */
async function owned<T extends { stop(): Promise<unknown> }>(
  starting: Promise<T>,
  onEnd: (end: () => Promise<unknown>) => void,
): Promise<T> {
  onEnd(async () => {
    const started = await starting.catch(() => undefined);
    await started?.stop();
  });
  return await starting;
}

async function startService(
  { service, id, tags }: (typeof INSTANCES)[number],
  consul: ConsulAgent,
  onEnd: (end: () => Promise<unknown>) => void,
): Promise<DemoService> {
  const port = await freePort();
  const file = fileURLToPath(new URL("sample-process.ts", import.meta.url));
  const argv = [
    process.execPath,
    "--import",
    "tsx",
    file,
    consul.address,
    service,
    id,
    String(port),
    ...tags,
  ];
  const program: RunningProgram = await owned(startProgram(argv), onEnd);
  await until(`${id} is registered`, async () => {
    if (!program.isRunning()) throw new Error(program.output());
    return (await request(`${consul.address}/v1/agent/service/${id}`)).status === 200;
  });
  return { name: id, port, pid: program.pid };
}
