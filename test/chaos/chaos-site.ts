import { mkdir, rename, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { PartStatus, ProxyStatus } from "../../src/apply/proxy-status.ts";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import type { Fairlead } from "../helpers/start-fairlead.ts";
import { startNginx } from "../helpers/start-nginx.ts";
import { startVarnish } from "../helpers/start-varnish.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import { adminListen, testDirectory, testFairlead } from "../helpers/test-programs.ts";
import { SHAPES, type Shape } from "./shapes.ts";

/** A proxy that writes its files in one of the shapes. */
export interface ChaosProxy {
  readonly shape: Shape;
  readonly url: string;
}

/** One Fairlead over a catalog file, with a real proxy of each shape. */
export interface ChaosSite {
  readonly proxies: readonly ChaosProxy[];
  /** Where every instance answers: at any loopback address. */
  readonly port: number;
  save(catalog: string): Promise<void>;
  start(): Promise<Fairlead>;
  status(): Promise<ReadonlyMap<string, ProxyStatus>>;
}

export async function startChaosSite(): Promise<ChaosSite> {
  const directory = await testDirectory();
  const port = await startInstances();
  const started = await Promise.all(SHAPES.map((shape) => startProxy(shape, directory)));
  const builtIn = started.find(({ proxy }) => proxy.shape.name === "built-in-nginx");
  const builtInListen = builtIn?.proxy.url.replace("http://", "");
  const url = `http://${await adminListen(directory)}/v1/status`;
  return {
    proxies: started.map((it) => it.proxy),
    port,
    async save(catalog) {
      await writeFile(directory.at("catalog.new"), catalog);
      await rename(directory.at("catalog.new"), directory.at("catalog.yaml"));
    },
    start: () =>
      testFairlead(directory, {
        catalog: { file: "catalog.yaml" },
        proxies: started.map(({ entry }) => entry),
        routes: { linger: "0s" },
        values: { nginx: { listen: builtInListen } },
      }),
    async status() {
      const { proxies } = JSON.parse((await request(url)).body) as {
        readonly proxies: readonly ProxyStatus[];
      };
      return new Map(proxies.map((it) => [it.name, it]));
    },
  };
}

/** One server for all instances: each has a loopback address of its own, which it answers with. */
async function startInstances(): Promise<number> {
  const server = http.createServer(({ socket }, answer) => {
    answer.setHeader("cache-control", "no-store").end(socket.localAddress);
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function startProxy(
  shape: Shape,
  directory: TempDirectory,
): Promise<{ readonly proxy: ChaosProxy; readonly entry: object }> {
  const home = directory.at(shape.name);
  await mkdir(home);
  const common = {
    name: shape.name,
    kind: shape.kind,
    settle: { quiet: "20ms", max: "200ms", minInterval: "0s" },
    guard: { maxDrop: "100%" },
  };
  if (shape.kind === "varnish") {
    const varnish = await startVarnish(home);
    onTestFinished(() => varnish.stop());
    const { url, admin: address, secretFile, vcl } = varnish;
    const files = await filesOf(shape, { home, path: () => vcl, listen: "" });
    return {
      proxy: { shape, url },
      entry: { ...common, admin: { address, secretFile }, files },
    };
  }
  const nginx = await startNginx(home);
  onTestFinished(() => nginx.stop());
  const listen = `127.0.0.1:${await freePort()}`;
  const path = (name: string): string => join(nginx.confDirectory, `${name}.conf`);
  const files = await filesOf(shape, { home, path, listen });
  return {
    proxy: { shape, url: `http://${listen}` },
    entry: { ...common, config: nginx.config, files },
  };
}

async function filesOf(
  { kind, templates }: Shape,
  {
    home,
    path,
    listen,
  }: {
    readonly home: string;
    readonly path: (name: string) => string;
    readonly listen: string;
  },
): Promise<readonly object[]> {
  if (templates === undefined) {
    const name = kind === "nginx" ? "nginx/service-proxy.conf" : "varnish/service-proxy.vcl";
    return [{ template: `builtin:${name}`, path: path("services") }];
  }
  return await Promise.all(
    Object.entries(templates).map(async ([name, text]) => {
      const template = join(home, `${name}.hbs`);
      await writeFile(template, text.replaceAll("PORT", listen));
      return name === "each"
        ? { each: "services", template, path: path("each-{{name}}") }
        : { template, path: path(name) };
    }),
  );
}

/** The parts of a status as the model names them, sorted. */
export const partNames = (
  parts: ProxyStatus["pinned"] | ProxyStatus["leftOut"],
): readonly string[] => parts.map(nameOf).toSorted();

function nameOf(part: ProxyStatus["pinned"][number]): string {
  if (part.kind === "query") return `query ${part.query}`;
  return partNameOf(part);
}

function partNameOf(part: PartStatus): string {
  switch (part.kind) {
    case "instance":
      return `instance ${part.instance}`;
    case "service":
      return `service ${part.service}`;
    case "node":
      return `node ${part.node}`;
    case "key":
      return part.key.startsWith("edge/redirects/")
        ? `redirect ${part.key.slice("edge/redirects/".length)}`
        : `key ${part.key}`;
    case "answer":
      return `answer ${part.query}`;
  }
}
