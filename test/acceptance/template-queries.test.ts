import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { until } from "../helpers/until.ts";

const TEMPLATE = `server {
  {{scratchSet "motd" (trim (file "motd.txt"))}}
  listen {{values.listen}};
  default_type text/plain;
  location = /motd { return 200 "{{scratchGet "motd"}} {{env "REGION"}}[{{env "CONSUL_HTTP_TOKEN"}}{{env "COPY"}}]"; }
  location = /mesh { return 200 "{{join (pluck (connect "mesh") "port") ","}} {{join (pluck (preparedQuery "eu") "port") ","}}"; }
  location = /keys { return 200 "{{#each (safeLs "app")}}{{key}}={{value}} {{/each}}"; }
  location = /self { return 200 "{{#with (node)}}{{hasKey this "services"}}{{/with}} {{#each (caRoots)}}{{active}}{{/each}}"; }
}
`;

test("a template asks Consul's mesh, prepared queries, keys, a file and the environment, and what changes goes live", async () => {
  const site = await startSite({ template: TEMPLATE });
  const { consul, listen, url } = site;
  const mesh = { Name: "mesh", Port: 81, Connect: { Native: true } };
  await consul.send("agent/service/register", mesh);
  await consul.send("query", { Name: "eu", Service: { Service: "mesh" } }, "POST");
  const fairlead = await site.start(
    { values: { listen } },
    { env: { CONSUL_HTTP_TOKEN: "hidden-token", COPY: "a hidden-token", REGION: "eu" } },
  );
  const body = async (path: string) => (await request(`${url}${path}`)).body;

  await fairlead.untilLog("it waits for the file and the keys", ({ msg }) =>
    /motd\.txt.*tree "app\/"/s.test(msg),
  );
  await site.save("motd.txt", "one\n");
  await consul.putKey("app/x", "1");
  await until("it is served", async () => (await body("/motd")) === "one eu[]");
  expect(await body("/mesh")).toBe("81 81");
  expect(await body("/keys")).toBe("x=1 ");
  expect(await body("/self")).toBe("true true");

  await site.save("motd.txt", "two\n");
  await until("the changed file is served", async () => (await body("/motd")) === "two eu[]");
  await consul.deleteKey("app/x");
  await site.save("motd.txt", "three\n");
  const pinned = await fairlead.untilLog("the keys are pinned", ({ state }) => state === "pinned");
  expect(pinned).toMatchObject({ query: 'tree "app/"' });
  await until("the rest goes live", async () => (await body("/motd")) === "three eu[]");
  expect(await body("/keys")).toBe("x=1 ");
  await consul.putKey("app/x", "2");
  await until("the keys are used again", async () => (await body("/keys")) === "x=2 ");
});

test("fairlead helpers shows one, lists all, and names the nearest for an unknown name", async () => {
  const one = await runFairlead(["helpers", "toLower"]);
  expect(one.exitCode).toBe(0);
  expect(one.stdout).toContain("lower TEXT\n");
  expect(one.stdout).toContain('  {{lower "Web"}}\n\ngives\n\n  web\n');
  expect((await runFairlead(["helpers"])).stdout).toContain(
    "\n  sortBy            LIST in the order",
  );
  const none = await runFairlead(["helpers", "sortby"]);
  expect(none).toMatchObject({ exitCode: 2, stdout: "" });
  expect(none.output).toContain(
    'Cannot show "sortby" as there is no helper of that name\n  Try fairlead helpers sortBy.',
  );
});
