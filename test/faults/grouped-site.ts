import { onTestFinished } from "vitest";
import { withCli } from "../../src/proxy/varnish/cli-connection.ts";
import type { SampleService } from "../helpers/sample-service.ts";
import { startSite } from "../helpers/site.ts";
import type { VarnishOptions } from "../helpers/start-varnish.ts";
import { varnishProxy } from "../helpers/test-programs.ts";

type Instances = Readonly<Record<string, readonly SampleService[]>>;

/** A site with a Varnish in five groups, two sample services, and three services that the first of them serves. */
export async function startGroupedSite(varnishOptions: VarnishOptions = {}) {
  const site = await startSite({
    varnish: {},
    varnishOptions,
    services: ["one", "two"],
    catalog: ([service]) => asCatalog({ a: [service], b: [service], c: [service] }),
  });
  const { varnish } = site;
  const [service, other] = site.services;
  const configure = (keys: object = {}) =>
    site.configure({
      routes: { linger: "0s" },
      proxies: [varnishProxy(varnish, { groups: 5, ...keys })],
    });
  await configure();
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  return {
    site,
    varnish,
    service,
    other,
    url: varnish.url,
    /** Writes the config. @param keys further ones of Varnish's entry */
    configure,
    change: (services: Instances) => site.saveCatalog(asCatalog(services)),
    /** What Varnish has loaded, in its own words. */
    async loadedVcls() {
      const cli = { address: varnish.admin, secretFile: varnish.secretFile };
      return (await withCli(cli, ending.signal, (it) => it.send(["vcl.list"]))).body;
    },
  };
}

/** The service `deep` claims what is below the path of `a`. */
const asCatalog = (services: Instances): object => ({
  services: Object.fromEntries(
    Object.entries(services).map(([name, instances]) => [
      name,
      instances.map(({ port }) => ({
        address: "127.0.0.1",
        port,
        tags: name === "deep" ? ["route.path=/a/deep"] : [],
      })),
    ]),
  ),
});
