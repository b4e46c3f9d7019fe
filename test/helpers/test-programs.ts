import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import { freePort } from "./free-port.ts";
import { request } from "./request.ts";
import { type SampleProcess, startSampleProcess } from "./sample-process.ts";
import { type SampleAnswer, type SampleService, startSampleService } from "./sample-service.ts";
import { type ConsulAgent, type ConsulOptions, startConsul } from "./start-consul.ts";
import { type Fairlead, type FairleadOptions, startFairlead } from "./start-fairlead.ts";
import { type Nginx, startNginx } from "./start-nginx.ts";
import { startVarnish, type Varnish, type VarnishOptions } from "./start-varnish.ts";
import { type TempDirectory, tempDirectory } from "./temp-directory.ts";
import { until } from "./until.ts";

/*
 * Starts the programs that a test needs. Each ends when the test is finished, the last started first.
 */

/** A directory that is removed when the test is finished. */
export async function testDirectory(): Promise<TempDirectory> {
  const directory = await tempDirectory();
  onTestFinished(() => directory.remove());
  return directory;
}

export async function testConsul(options: ConsulOptions = {}): Promise<ConsulAgent> {
  const consul = await startConsul(options);
  onTestFinished(() => consul.stop());
  return consul;
}

export async function testNginx(directory: TempDirectory): Promise<Nginx> {
  const nginx = await startNginx(directory.path);
  onTestFinished(() => nginx.stop());
  return nginx;
}

export async function testVarnish(
  directory: TempDirectory,
  options: VarnishOptions = {},
): Promise<Varnish> {
  const home = join(directory.path, "cache");
  await mkdir(home);
  const varnish = await startVarnish(home, options);
  onTestFinished(() => varnish.stop());
  return varnish;
}

export async function testService(name: string): Promise<SampleService> {
  const service = await startSampleService(name);
  onTestFinished(() => service.stop());
  return service;
}

/** A sample service in a process of its own. */
export async function testSampleProcess(name: string): Promise<SampleProcess> {
  const service = await startSampleProcess(name);
  onTestFinished(() => service.stop());
  return service;
}

/** Writes a config and runs `fairlead run` with it. */
export async function testFairlead(
  directory: TempDirectory,
  config: object,
  options: FairleadOptions & { readonly args?: readonly string[] } = {},
): Promise<Fairlead> {
  const file = await writeConfig(directory, config);
  const fairlead = await startFairlead(["run", "-c", file, ...(options.args ?? [])], options);
  onTestFinished(async () => void (await fairlead.stop()));
  return fairlead;
}

export async function writeConfig(directory: TempDirectory, config: object): Promise<string> {
  const file = directory.at("fairlead.yaml");
  const admin = { listen: await adminListen(directory) };
  await writeFile(file, stringify({ state: "state", admin, ...config }));
  return file;
}

const adminAddresses = new WeakMap<TempDirectory, string>();

/** Where the daemon whose config is in `directory` has its admin address: daemons of tests run side by side. */
export async function adminListen(directory: TempDirectory): Promise<string> {
  const known = adminAddresses.get(directory) ?? `127.0.0.1:${await freePort()}`;
  adminAddresses.set(directory, known);
  return known;
}

/** A proxy entry of the config for `nginx`, with the built-in routes. */
export const nginxProxy = (nginx: Nginx, more: object = {}): object => ({
  name: "edge",
  kind: "nginx",
  config: nginx.config,
  files: [
    {
      template: "builtin:nginx/service-proxy.conf",
      path: join(nginx.confDirectory, "services.conf"),
    },
  ],
  ...more,
});

/** A proxy entry of the config for `varnish`, with the built-in routes. */
export const varnishProxy = (varnish: Varnish, more: object = {}): object => ({
  name: "cache",
  kind: "varnish",
  admin: { address: varnish.admin, secretFile: varnish.secretFile },
  files: [{ template: "builtin:varnish/service-proxy.vcl", path: varnish.vcl }],
  ...more,
});

/** An address for nginx to serve at, for `values.nginx.listen`. */
export async function listenAddress(): Promise<{ readonly listen: string; readonly url: string }> {
  const listen = `127.0.0.1:${await freePort()}`;
  return { listen, url: `http://${listen}` };
}

/** Waits until the instance of that name answers `url`. */
export async function untilAnsweredBy(name: string, url: string): Promise<void> {
  await until(`${name} answers ${url}`, async () => (await whoAnswers(url, 1)).has(name));
}

/** The names of the instances that answer `url`, asked `times` times over connections of their own. */
export async function whoAnswers(url: string, times = 8): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let i = 0; i < times; i += 1) {
    const { status, body } = await request(url);
    names.add(status === 200 ? (JSON.parse(body) as SampleAnswer).name : `status ${status}`);
  }
  return names;
}
