import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ProxyStatus } from "../../src/apply/proxy-status.ts";
import { adminStatus } from "./admin-address.ts";
import type { SampleService } from "./sample-service.ts";
import type { ConsulAgent } from "./start-consul.ts";
import { type Fairlead, runFairlead } from "./start-fairlead.ts";
import type { Nginx } from "./start-nginx.ts";
import type { Varnish, VarnishOptions } from "./start-varnish.ts";
import type { TempDirectory } from "./temp-directory.ts";
import {
  adminListen,
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  testVarnish,
  varnishProxy,
  writeConfig,
} from "./test-programs.ts";

export interface SiteOptions<Names extends readonly string[]> {
  /**
   * Starts nginx; these are further keys of its entry in the config, or how to make them from nginx. It is the only proxy
   * unless `varnish` is given.
   */
  readonly nginx?: object | ((nginx: Nginx) => object);
  /** Starts Varnish; these are further keys of its entry in the config, or how to make them from Varnish. */
  readonly varnish?: object | ((varnish: Varnish) => object);
  readonly varnishOptions?: VarnishOptions;
  /** The content of a catalog file, or how to make it from the services. Without it the site has a Consul. */
  readonly catalog?: string | object | ((services: Services<Names>) => object);
  /** Names of sample services to start. They are not registered. */
  readonly services?: Names;
  /** A template for the proxy, instead of the built-in routes. @param listen where nginx is to listen */
  readonly template?: string | ((listen: string) => string);
}

type Services<Names extends readonly string[]> = {
  readonly [At in keyof Names]: SampleService;
};

/** What Fairlead works with, in a directory of its own: a source, proxies, sample services, and a config for all of it. */
export interface Site<Names extends readonly string[] = readonly string[]> {
  readonly directory: TempDirectory;
  readonly consul: ConsulAgent;
  readonly nginx: Nginx;
  readonly varnish: Varnish;
  readonly services: Services<Names>;
  /** Where nginx is to listen, and the URL of that. */
  readonly listen: string;
  readonly url: string;
  readonly configFile: string;
  readonly adminUrl: string;
  /** The template, where the site has one of its own, and what it is rendered to. */
  readonly template: string;
  readonly output: string;
  /** Writes a file of the directory, and makes the directories that it needs. */
  save(name: string, text: string): Promise<void>;
  saveTemplate(text: string): Promise<void>;
  saveCatalog(catalog: string | object): Promise<void>;
  /** Writes the config. Top-level keys of `more` replace the site's own; `values` are added to them. */
  configure(more?: SiteConfig): Promise<void>;
  /** Runs the daemon with the config as it was last written, or with `more`. It ends with the test. */
  start(more?: SiteConfig, options?: Parameters<typeof testFairlead>[2]): Promise<Fairlead>;
  /** Runs a command with the config to its end. */
  run(command: string, ...args: readonly string[]): ReturnType<typeof runFairlead>;
  /** The status of the first proxy, as the daemon reports it. */
  status(): Promise<ProxyStatus>;
}

export interface SiteConfig {
  readonly values?: object;
  readonly [key: string]: unknown;
}

/** Starts all but Fairlead, and writes the config. Everything ends when the test is finished. */
export async function startSite<const Names extends readonly string[] = readonly []>(
  options: SiteOptions<Names> = {},
): Promise<Site<Names>> {
  const directory = await testDirectory();
  const hasNginx = options.nginx !== undefined || options.varnish === undefined;
  const [consul, nginx, varnish, { listen, url }, admin, ...list] = await Promise.all([
    options.catalog === undefined ? testConsul() : undefined,
    hasNginx ? testNginx(directory) : undefined,
    options.varnish === undefined ? undefined : testVarnish(directory, options.varnishOptions),
    listenAddress(),
    adminListen(directory),
    ...(options.services ?? []).map(testService),
  ]);
  const template = directory.at("site.hbs");
  const output = outputPath({ nginx, varnish }, options.template !== undefined);
  const save = async (name: string, text: string) => {
    await mkdir(dirname(directory.at(name)), { recursive: true });
    await writeFile(directory.at(name), text);
  };
  const saveTemplate = (text: string) => writeFile(template, text);
  const saveCatalog = (catalog: string | object) =>
    save("catalog.yaml", typeof catalog === "string" ? catalog : JSON.stringify(catalog));
  const services = list as unknown as Services<Names>;
  const { catalog } = options;
  if (catalog !== undefined)
    await saveCatalog(typeof catalog === "function" ? catalog(services) : catalog);
  if (options.template !== undefined) {
    const { template: text } = options;
    await saveTemplate(typeof text === "string" ? text : text(listen));
  }
  const own = options.template === undefined ? {} : { files: [{ template, path: output }] };
  const proxies = [
    ...(nginx === undefined
      ? []
      : [nginxProxy(nginx, { ...own, ...keysOf(nginx, options.nginx) })]),
    ...(varnish === undefined
      ? []
      : [varnishProxy(varnish, { ...own, ...keysOf(varnish, options.varnish) })]),
  ];
  const source =
    consul === undefined
      ? { catalog: { file: "catalog.yaml" } }
      : { consul: { address: consul.address } };
  let config: object = {};
  const configured = ({ values, ...more }: SiteConfig) => ({
    ...source,
    proxies,
    values: { nginx: { listen }, ...values },
    ...more,
  });
  const configure = async (more: SiteConfig = {}) => {
    config = configured(more);
    await writeConfig(directory, config);
  };
  await configure();
  const configFile = directory.at("fairlead.yaml");
  const adminUrl = `http://${admin}`;
  return {
    directory,
    get consul() {
      return started(consul, "Consul");
    },
    get nginx() {
      return started(nginx, "nginx");
    },
    get varnish() {
      return started(varnish, "Varnish");
    },
    services,
    listen,
    url,
    configFile,
    adminUrl,
    template,
    output,
    save,
    saveTemplate,
    saveCatalog,
    configure,
    async start(more, fairleadOptions) {
      if (more !== undefined) config = configured(more);
      return await testFairlead(directory, config, fairleadOptions);
    },
    run: (command, ...args) => runFairlead([command, "-c", configFile, ...args]),
    status: () => adminStatus(adminUrl),
  };
}

const keysOf = <T>(program: T, keys: object | ((program: T) => object) | undefined): object =>
  typeof keys === "function" ? (keys as (program: T) => object)(program) : (keys ?? {});

function outputPath(
  { nginx, varnish }: { readonly nginx: Nginx | undefined; readonly varnish: Varnish | undefined },
  hasTemplate: boolean,
): string {
  if (nginx === undefined) return started(varnish, "Varnish").vcl;
  return join(nginx.confDirectory, hasTemplate ? "site.conf" : "services.conf");
}

function started<T>(program: T | undefined, name: string): T {
  if (program === undefined) throw new Error(`this site has no ${name}`);
  return program;
}
