import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import {
  nginxProxy,
  testConsul,
  testDirectory,
  testNginx,
  writeConfig,
} from "../helpers/test-programs.ts";

const TEMPLATE = `# {{generation}}
{{#each (service "web" health="any")}}
# {{id}} {{hostPort address port}} {{status}} {{node}} {{nodeAddress}} {{datacenter}} {{createIndex}} {{weights.passing}} {{json nodeMeta}}
{{/each}}
{{#each (service "v2.web|any")}}# v2 {{id}}
{{/each}}
{{#each (service "web" health="any" filter='Service.Meta.zone == "a"')}}# filtered {{id}}
{{/each}}
{{#each (service "web|any" near="_agent")}}# near {{id}}
{{/each}}
{{#each (services)}}# {{name}} {{join tags ","}}
{{/each}}
{{#each (nodes)}}# {{name}} {{address}} {{datacenter}}
{{/each}}
{{#each (datacenters)}}# {{this}}
{{/each}}
# {{key "app/title"}} {{keyOr "app/none" "else"}} {{#if (keyExists "app/none")}}there{{/if}}
{{#each (ls "app")}}# {{key}}={{value}}
{{/each}}
{{#each (tree "app")}}# {{key}}={{value}}
{{/each}}
{{#each (connect "mesh")}}# {{id}} {{port}}
{{/each}}
{{#each (preparedQuery "eu")}}# {{id}} {{port}}
{{/each}}
{{#each (caRoots)}}# {{id}} {{trustDomain}}
{{/each}}
{{#with (node)}}# {{name}} {{length services}}
{{/with}}
# {{trim (file "motd.txt")}}
`;

test("a snapshot of a real Consul renders to the same bytes as Consul itself", async () => {
  const directory = await testDirectory();
  const [consul, nginx] = await Promise.all([testConsul(), testNginx(directory)]);
  const web = { name: "web", port: 8001, meta: { zone: "a" }, tags: ["v2", "route.path=/"] };
  await consul.register(web);
  await consul.register({ name: "web", port: 8002, weights: { passing: 5, warning: 0 } });
  await consul.register({ name: "my.db", address: "::1", port: 5432, tags: ["${x}", "- y: #"] });
  await consul.setHealth("web-8002", "warn");
  await consul.putKey("app/title", "Hello: 'world' ${HOME}");
  await consul.putKey("app/deep/number", "0123");
  await put(consul.address, "agent/service/register", {
    Name: "mesh",
    Port: 81,
    Connect: { Native: true },
  });
  await put(consul.address, "query", { Name: "eu", Service: { Service: "mesh" } }, "POST");
  await writeFile(directory.at("motd.txt"), "of the day\n");
  await writeFile(directory.at("all.hbs"), TEMPLATE);
  const config = await writeConfig(directory, {
    consul: { address: consul.address },
    proxies: [
      nginxProxy(nginx, {
        files: [
          { template: "all.hbs", path: join(nginx.confDirectory, "all.conf") },
          {
            template: "builtin:nginx/service-proxy.conf",
            path: join(nginx.confDirectory, "services.conf"),
          },
        ],
      }),
    ],
  });
  const live = await runFairlead(["render", "-c", config]);
  expect(live.exitCode).toBe(0);
  expect(live.stdout).toContain("# filtered web-8001\n");
  const recorded = await runFairlead(["snapshot", "-c", config]);
  expect(recorded.exitCode).toBe(0);
  expect(recorded.stdout).toContain("\n  my.db:\n    - id: my.db-5432\n");
  expect(recorded.stdout).toContain('  app/deep/number: "0123"\n');
  expect(recorded.stdout).not.toContain("service web|any");

  expect(live.stdout).toContain("# mesh 81\n# mesh 81\n");

  const file = directory.at("recorded.yaml");
  await writeFile(directory.at("motd.txt"), "of another day\n");
  await writeFile(file, recorded.stdout);
  const replayed = await runFairlead(["render", "-c", config, "--catalog", file]);
  expect(replayed.stdout).toBe(live.stdout);
  const again = await runFairlead(["snapshot", "-c", config, "--catalog", file]);
  expect(again.stdout).toBe(recorded.stdout);
});

test("an answer that the catalog file lacks is reported at once, with the place in the template that needs it", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  await writeFile(directory.at("a.hbs"), '# one\n{{#each (preparedQuery "eu")}}{{/each}}\n');
  const config = await writeConfig(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [nginxProxy(nginx, { files: [{ template: "a.hbs", path: "a.conf" }] })],
  });
  const { exitCode, output } = await runFairlead(["render", "-c", config]);
  expect(exitCode).toBe(1);
  expect(output).toContain(`${directory.at("a.hbs")}:2:24: `);
});

test("a snapshot records the data that breaks a template", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const catalog = `services: { web: [{ address: 10.0.0.1, port: 80, meta: { title: "\\n" } }] }\n`;
  await writeFile(directory.at("catalog.yaml"), catalog);
  await writeFile(directory.at("a.hbs"), '{{#each (service "web")}}# {{meta.title}}{{/each}}\n');
  const config = await writeConfig(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [nginxProxy(nginx, { files: [{ template: "a.hbs", path: "a.conf" }] })],
  });
  const { exitCode, stdout, output } = await runFairlead(["snapshot", "-c", config]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("        title: |+\n");
  expect(output).toContain(`${directory.at("a.hbs")}:1:28: `);
});

async function put(address: string, path: string, body: object, method = "PUT"): Promise<void> {
  const reply = await request(`${address}/v1/${path}`, { method, body: JSON.stringify(body) });
  expect(reply.status).toBe(200);
}
