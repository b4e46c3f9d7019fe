import { join } from "node:path";
import { expect, test } from "vitest";
import { startSite } from "../helpers/site.ts";

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
  const site = await startSite({
    nginx: ({ confDirectory }) => ({
      files: [
        { template: "all.hbs", path: join(confDirectory, "all.conf") },
        {
          template: "builtin:nginx/service-proxy.conf",
          path: join(confDirectory, "services.conf"),
        },
      ],
    }),
  });
  const { consul, directory } = site;
  const web = { name: "web", port: 8001, meta: { zone: "a" }, tags: ["v2", "route.path=/"] };
  await consul.register(web);
  await consul.register({ name: "web", port: 8002, weights: { passing: 5, warning: 0 } });
  await consul.register({ name: "my.db", address: "::1", port: 5432, tags: ["${x}", "- y: #"] });
  await consul.setHealth("web-8002", "warn");
  await consul.putKey("app/title", "Hello: 'world' ${HOME}");
  await consul.putKey("app/deep/number", "0123");
  const mesh = { Name: "mesh", Port: 81, Connect: { Native: true } };
  await consul.send("agent/service/register", mesh);
  await consul.send("query", { Name: "eu", Service: { Service: "mesh" } }, "POST");
  await site.save("motd.txt", "of the day\n");
  await site.save("all.hbs", TEMPLATE);
  const live = await site.run("render");
  expect(live.exitCode).toBe(0);
  expect(live.stdout).toContain("# filtered web-8001\n");
  const recorded = await site.run("snapshot");
  expect(recorded.exitCode).toBe(0);
  expect(recorded.stdout).toContain("\n  my.db:\n    - id: my.db-5432\n");
  expect(recorded.stdout).toContain('  app/deep/number: "0123"\n');
  expect(recorded.stdout).not.toContain("service web|any");

  expect(live.stdout).toContain("# mesh 81\n# mesh 81\n");

  const file = directory.at("recorded.yaml");
  await site.save("motd.txt", "of another day\n");
  await site.save("recorded.yaml", recorded.stdout);
  const replayed = await site.run("render", "--catalog", file);
  expect(replayed.stdout).toBe(live.stdout);
  const again = await site.run("snapshot", "--catalog", file);
  expect(again.stdout).toBe(recorded.stdout);
});

test("an answer that the catalog file lacks is reported at once, with the place in the template that needs it", async () => {
  const site = await startSite({
    catalog: {},
    template: '# one\n{{#each (preparedQuery "eu")}}{{/each}}\n',
  });
  const { exitCode, output } = await site.run("render");
  expect(exitCode).toBe(1);
  expect(output).toContain(`${site.template}:2:24: `);
});

test("a snapshot records the data that breaks a template", async () => {
  const site = await startSite({
    catalog: `services: { web: [{ address: 10.0.0.1, port: 80, meta: { title: "\\n" } }] }\n`,
    template: '{{#each (service "web")}}# {{meta.title}}{{/each}}\n',
  });
  const { exitCode, stdout, output } = await site.run("snapshot");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("        title: |+\n");
  expect(output).toContain(`${site.template}:1:28: `);
});
