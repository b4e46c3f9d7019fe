import { rename, writeFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { startSampleService } from "../helpers/sample-service.ts";
import { until } from "../helpers/until.ts";
import { docker } from "./docker.ts";
import { mountedDirectory, runContainer } from "./run-container.ts";
import { varnishd } from "./sidecar-stack.ts";
import { PATIENCE } from "./traffic.ts";

test("groups in a Varnish of another container: loaded, checked, and served after a restart without Fairlead", async () => {
  const [http, cli, admin] = await freePorts(3);
  const etc = await mountedDirectory();
  const config = await mountedDirectory();
  const sample = await startSampleService("sample");
  onTestFinished(() => sample.stop());
  const services = async (more: object) => {
    const instance = { address: "127.0.0.1", port: sample.port };
    const eight = Array.from({ length: 8 }, (_, i) => [`web${i}`, [instance]] as const);
    const catalog = { services: { ...Object.fromEntries(eight), ...more } };
    await writeFile(config.at("new"), stringify(catalog));
    await rename(config.at("new"), config.at("catalog.yaml"));
  };
  await services({});
  await writeFile(config.at("fairlead.yaml"), stringify(configOf({ cli, admin })));
  await writeFile(etc.at("secret"), "for this test only\n", { mode: 0o644 });
  await writeFile(etc.at("services.vcl"), "vcl 4.1;\nbackend none none;\n");
  const boot = "vcl.load boot /etc/varnish/services.vcl\nvcl.use boot\n";
  await writeFile(etc.at("services.cli"), boot);
  const varnish = await runContainer("varnish", ["-v", `${etc.path}:/etc/varnish`], {
    command: [
      ...varnishd({ listen: `127.0.0.1:${http}`, cli: `127.0.0.1:${cli}` }),
      "-f",
      "",
      "-I",
      "/etc/varnish/services.cli",
    ],
  });
  const isServed = (service: string) =>
    until(
      `${service} is served`,
      async () => (await request(`http://127.0.0.1:${http}/${service}/`)).status === 200,
      PATIENCE,
    );
  const mounts = `-v ${etc.path}:/etc/varnish -v ${config.path}:/etc/fairlead:ro`;
  const fairlead = await runContainer("fairlead", `--user 0:0 ${mounts}`.split(" "));
  for (const service of ["web0", "web3", "web7"]) await isServed(service);
  const list = await docker(["exec", varnish, "varnishadm", "-n", "/tmp/varnish", "vcl.list"]);
  expect(list).toMatch(/fairlead_to_g0\d_/);

  // No resolver is asked for a label of more than 63 characters: Varnish refuses it at once.
  const unknown = { address: `${"x".repeat(64)}.invalid`, port: 80 };
  await services({ bad: [unknown], fine: [{ address: "127.0.0.1", port: sample.port }] });
  await isServed("fine");
  await until(
    "the log names the service that was left out",
    async () => /bad.*left out|left out.*bad/.test(await docker(["logs", fairlead])),
    PATIENCE,
  );

  await docker(["stop", fairlead]);
  await docker(["restart", varnish]);
  for (const service of ["web0", "web3", "web7", "fine"]) await isServed(service);
});

const configOf = (ports: Readonly<Record<"cli" | "admin", number | undefined>>): object => ({
  catalog: { file: "catalog.yaml" },
  admin: { listen: `127.0.0.1:${ports.admin}` },
  proxies: [
    {
      name: "cache",
      kind: "varnish",
      groups: 4,
      admin: { address: `127.0.0.1:${ports.cli}`, secretFile: "/etc/varnish/secret" },
      files: [{ template: "builtin:varnish/service-proxy.vcl", path: "/etc/varnish/services.vcl" }],
    },
  ],
});
