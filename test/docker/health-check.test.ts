import { rename, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../helpers/free-port.ts";
import { until } from "../helpers/until.ts";
import { docker } from "./docker.ts";
import { mountedDirectory, runContainer } from "./run-container.ts";
import { PATIENCE, POLL_MS } from "./traffic.ts";

test("the health check asks where Fairlead listens, whatever its mounted config says by now", async () => {
  const [port, first, second] = await freePorts(3);
  const directory = await mountedDirectory();
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  const put = async (text: string) => {
    await writeFile(directory.at("new"), text);
    await rename(directory.at("new"), directory.at("edge.yaml"));
  };
  const config = (admin: string) =>
    stringify({
      catalog: { file: "catalog.yaml" },
      admin: { listen: admin, token: "for this test only" },
      proxies: [
        {
          name: "edge",
          kind: "nginx",
          files: [
            {
              template: "builtin:nginx/service-proxy.conf",
              path: "/var/lib/fairlead/nginx/services.conf",
            },
          ],
          reload: { supervise: ["nginx"] },
        },
      ],
      values: { nginx: { listen: `127.0.0.1:${port}` } },
    });
  await put(config(`127.0.0.1:${first}`));
  const name = await runContainer("fairlead-nginx", ["-v", `${directory.path}:/config:ro`], {
    command: ["run", "-c", "/config/edge.yaml"],
  });
  const check = async () =>
    await docker(["exec", name, "node", "/opt/fairlead/docker/health-check.mjs"]);
  const says = async (text: string) =>
    await until(
      `the log says "${text}"`,
      async () => {
        await sleep(POLL_MS);
        return (await docker(["logs", name])).includes(text);
      },
      PATIENCE,
    );
  await says("generation 1 is live");
  expect(await check()).toContain('"ready"');
  await put(config(`0.0.0.0:${second}`));
  await says(`health, metrics and status are at http://0.0.0.0:${second}`);
  expect(await check()).toContain('"ready"');
  await put("proxies: nonsense\n");
  await says("the old config stays in force");
  expect(await check()).toContain('"ready"');
});

test("a Fairlead that serves nothing is not healthy, and the check says why", async () => {
  const [admin] = await freePorts(1);
  const environment = `-e FAIRLEAD_PROXY=nginx -e FAIRLEAD_ADMIN=127.0.0.1:${admin}`;
  const name = await runContainer("fairlead", environment.split(" "));
  await until(
    "the check shows the reason",
    async () => {
      await sleep(POLL_MS);
      const said = docker(["exec", name, "node", "/opt/fairlead/docker/health-check.mjs"]);
      await expect(said).rejects.toThrow("not ready");
      return true;
    },
    PATIENCE,
  );
});
