import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  whoAnswers,
  writeConfig,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const CATALOG = `services:
  web:
    - { address: 127.0.0.1, port: 8001 }
    - { address: 127.0.0.1, port: 8002, status: critical }
`;

describe("fairlead run --once", () => {
  test("applies every proxy and exits with 0; the same again does nothing", async () => {
    const { directory, nginx, listen } = await prepare();
    const config = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx)],
      values: { nginx: { listen } },
    });
    const first = await runFairlead(["run", "-c", config, "--once"]);
    expect(first).toMatchObject({ exitCode: 0, stdout: "" });
    expect(first.log.map(({ result }) => result)).toEqual(["live"]);
    const id = (await request(`http://${listen}/__fairlead/generation`)).body.trim();
    expect(first.log[0]).toMatchObject({ id, generation: 1 });

    const workers = await workersOf(nginx.pid());
    const second = await runFairlead(["run", "-c", config, "--once"]);
    expect(second.exitCode).toBe(0);
    expect(second.log[0]?.msg).toMatch(/^generation 1 is live already/);
    expect(await workersOf(nginx.pid())).toEqual(workers);
  });

  test("exits with 1 when nginx refuses, and leaves the live files and their directory as they were", async () => {
    const { directory, nginx } = await prepare();
    const path = join(nginx.confDirectory, "site.conf");
    await writeFile(path, "# before\n");
    await writeFile(directory.at("site.hbs"), "server { lisen 80; }\n");
    const config = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx, { files: [{ template: "site.hbs", path }] })],
    });
    const result = await runFairlead(["run", "-c", config, "--once"]);
    expect(result.exitCode).toBe(1);
    // Other lines report that the former file is kept as generation 0.
    expect(result.log.find((line) => line.result !== undefined)).toMatchObject({
      result: "refused",
      msg: expect.stringContaining(`unknown directive "lisen" in ${path}:1`),
    });
    expect(await readFile(path, "utf8")).toBe("# before\n");
    expect(await readdir(nginx.confDirectory)).toEqual(["site.conf"]);
  });

  test("exits with 1 when nginx does not run, with the checked files in place", async () => {
    const { directory, nginx, listen } = await prepare();
    await nginx.stop();
    const config = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx)],
      values: { nginx: { listen } },
    });
    const result = await runFairlead(["run", "-c", config, "--once"]);
    expect(result.exitCode).toBe(1);
    expect(result.log[0]).toMatchObject({
      result: "failed",
      hint: expect.stringContaining("Start nginx"),
    });
    await nginx.startAgain();
    expect((await request(`http://${listen}/`)).body).toBe("fairlead\n");
  });

  test.each([["run"], ["run", "--once"]])(
    "%s %s exits with 2 when its state cannot be kept",
    async (...args) => {
      const { directory, nginx } = await prepare();
      await writeFile(directory.at("no-directory"), "");
      const config = await writeConfig(directory, {
        catalog: { file: "catalog.yaml" },
        state: "no-directory",
        proxies: [nginxProxy(nginx)],
      });
      const result = await runFairlead([...args, "-c", config]);
      expect(result.exitCode).toBe(2);
      expect(result.output).toContain("no-directory");
    },
  );

  test("exits with 2 on an unknown key, naming its place and the nearest key", async () => {
    const directory = await testDirectory();
    await writeFile(directory.at("fairlead.yaml"), "catalog:\n  fiel: x\n");
    const result = await runFairlead(["run", "-c", directory.at("fairlead.yaml"), "--once"]);
    expect(result.exitCode).toBe(2);
    expect(result.output).toContain(
      `${directory.at("fairlead.yaml")}:2:3: unknown key "catalog.fiel": did you mean "file"?`,
    );
  });

  test.each([
    [["run", "-c", "/nowhere/fairlead.yaml"], "Cannot read the config"],
    [["run", "--nonsense"], "unknown option '--nonsense'"],
    [["nonsense"], "unknown command 'nonsense'"],
  ])("%j exits with 2", async (args, words) => {
    const result = await runFairlead(args);
    expect(result.exitCode).toBe(2);
    expect(result.output).toContain(words);
  });
});

describe("fairlead run", () => {
  test("ends with exit code 0 on SIGTERM, also while it waits for Consul", async () => {
    const directory = await testDirectory();
    const fairlead = await testFairlead(directory, {
      consul: { address: `http://127.0.0.1:${await freePort()}` },
      proxies: [
        {
          name: "edge",
          kind: "nginx",
          files: [{ template: "builtin:nginx/service-proxy.conf", path: "x.conf" }],
        },
      ],
    });
    await fairlead.untilLog("it asks Consul", ({ msg }) => msg.includes("Cannot ask Consul"));
    expect(await fairlead.stop("SIGTERM", 5_000)).toBe(0);
  });

  test("SIGHUP reads the config again; an invalid one leaves the old one running", async () => {
    const { directory, nginx, listen } = await prepare();
    const next = await listenAddress();
    const configFor = (address: string) => ({
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx)],
      values: { nginx: { listen: address } },
    });
    const fairlead = await testFairlead(directory, configFor(listen));
    await fairlead.untilResult("live");

    await writeFile(directory.at("fairlead.yaml"), "proxies: 3\n");
    process.kill(fairlead.pid, "SIGHUP");
    const refused = await fairlead.untilLog("the config is refused", ({ msg }) =>
      msg.includes("the old config stays in force"),
    );
    expect(refused.msg).toContain("proxies: expected a list of proxies, got 3");
    expect((await request(`http://${listen}/`)).status).toBe(200);

    await writeConfig(directory, configFor(next.listen));
    process.kill(fairlead.pid, "SIGHUP");
    await until("the new address is served", async () => (await request(next.url)).status === 200);
  });

  test("follows a catalog file, and keeps the last known good one when it breaks", async () => {
    const { directory, nginx, listen } = await prepare();
    const web = await testService("web-1");
    const fairlead = await testFairlead(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx)],
      values: { nginx: { listen } },
    });
    await fairlead.untilResult("live");
    await writeFile(
      directory.at("catalog.yaml"),
      `services:\n  web:\n    - { address: 127.0.0.1, port: ${web.port} }\n`,
    );
    await fairlead.untilLog("the change is live", ({ generation }) => generation === 2);
    await writeFile(
      directory.at("catalog.yaml"),
      "services:\n  web:\n    - { adress: 127.0.0.1 }\n",
    );
    const line = await fairlead.untilLog("the file is refused", ({ msg }) =>
      msg.includes("the last known good catalog stays in force"),
    );
    expect(line.msg).toContain("catalog.yaml:3:7: services.web.0");
    expect(await whoAnswers(`http://${listen}/web/`, 2)).toEqual(new Set(["web-1"]));
  });

  test("runs nginx as its child, reloads it, and leaves no process behind", async () => {
    const { directory, nginx, listen } = await prepare();
    await nginx.stop();
    const fairlead = await testFairlead(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [
        nginxProxy(nginx, {
          reload: { supervise: ["nginx", "-c", nginx.config, "-g", "daemon off;"] },
        }),
      ],
      values: { nginx: { listen } },
    });
    await fairlead.untilResult("live");
    expect((await request(`http://${listen}/web`)).status).toBe(308);
    const pid = Number(await readFile(nginx.pidFile, "utf8"));
    await writeFile(
      directory.at("catalog.yaml"),
      `${CATALOG}  api:\n    - { address: 127.0.0.1, port: 8003 }\n`,
    );
    await until(
      "the new route is there",
      async () => (await request(`http://${listen}/api`)).status === 308,
    );
    expect(Number(await readFile(nginx.pidFile, "utf8"))).toBe(pid);

    process.kill(pid, "SIGKILL");
    await until(
      "it is started again",
      async () => (await request(`http://${listen}/api`)).status === 308,
    );
    const again = Number(await readFile(nginx.pidFile, "utf8"));
    expect(await fairlead.stop("SIGTERM", 5_000)).toBe(0);
    expect(() => process.kill(again, 0)).toThrow("ESRCH");
  });

  test("never shows the token", async () => {
    const directory = await testDirectory();
    const consul = await testConsul();
    const fairlead = await testFairlead(
      directory,
      {
        consul: { address: `${consul.address}/nothing-here` },
        proxies: [
          {
            name: "edge",
            kind: "nginx",
            files: [{ template: "builtin:nginx/service-proxy.conf", path: "x.conf" }],
          },
        ],
      },
      { env: { CONSUL_HTTP_TOKEN: "planted-secret-token" }, args: ["--log-level", "debug"] },
    );
    await fairlead.untilLog("Consul refuses", ({ msg }) => msg.includes("Cannot ask Consul"));
    await fairlead.stop();
    expect(fairlead.output()).not.toContain("planted-secret-token");
  });
});

describe("fairlead render and schema", () => {
  test("render prints, --diff compares with the live file, and neither touches it", async () => {
    const { directory, nginx } = await prepare();
    const path = join(nginx.confDirectory, "site.conf");
    await writeFile(path, "server 127.0.0.1:8001;\nserver 127.0.0.1:9;\n");
    await writeFile(
      directory.at("site.hbs"),
      '{{#each (service "web")}}\nserver {{address}}:{{port}};\n{{/each}}\n',
    );
    const config = await writeConfig(directory, {
      proxies: [nginxProxy(nginx, { files: [{ template: "site.hbs", path }] })],
    });
    const flags = ["-c", config, "--catalog", directory.at("catalog.yaml")];
    const printed = await runFairlead(["render", ...flags]);
    expect(printed).toMatchObject({
      exitCode: 0,
      stdout: `==> ${path} <==\nserver 127.0.0.1:8001;\n`,
    });
    const diff = await runFairlead(["render", ...flags, "--diff"]);
    expect(diff.stdout).toBe(
      `--- ${path}\tlive\n+++ ${path}\trendered\n@@ -1,2 +1,1 @@\n server 127.0.0.1:8001;\n-server 127.0.0.1:9;\n`,
    );
    const painted = await runFairlead(["render", ...flags, "--diff", "--color"]);
    expect(painted.stdout).toContain("\u001b[31m-server 127.0.0.1:9;\u001b[39m\n");
    expect(await readFile(path, "utf8")).toContain("127.0.0.1:9;");
    expect((await runFairlead(["render", ...flags, "--proxy", "nobody"])).exitCode).toBe(2);
  });

  test("render shows what run would write: without the service whose data has no safe form, which it names", async () => {
    const { directory, nginx } = await prepare();
    await writeFile(
      directory.at("catalog.yaml"),
      'services: { bad: [{ address: "a; }", port: 1 }], web: [{ address: 127.0.0.1, port: 8001 }] }\n',
    );
    await writeFile(
      directory.at("site.hbs"),
      "{{#each (services)}}{{#each (service name)}}server {{address}};\n{{/each}}{{/each}}",
    );
    const config = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx, { files: [{ template: "site.hbs", path: "site.conf" }] })],
    });
    const result = await runFairlead(["render", "-c", config]);
    expect(result).toMatchObject({
      exitCode: 1,
      stdout: `==> ${directory.at("site.conf")} <==\nserver 127.0.0.1;\n`,
    });
    expect(result.output).toContain(
      `service "bad", instance "bad-1" on local, address "a; }" would be left out: ${directory.at("site.hbs")}:1:52: "a; }" cannot stand in`,
    );
  });

  test.each([
    ["{{#each (servces)}}{{/each}}", ':1:10: unknown helper "servces"', 'Did you mean "services"?'],
    ["return 200 {{upper (services)}};", ":1:12: ", "→"],
    ["server_name {{values.nothing}};", ":1:13: there is no value here", "{{default x y}}"],
    ["a {{#if x}}b", ":1:1: not a valid template", "Close {{#if}} of line 2"],
    ["a {{#if x}}{{/each}}", ":1:6: not a valid template: {{#if}} is closed", "Close {{#if}}"],
    ["map $a $b { a {{values.x}}}", ":1:25: not a valid template: unexpected }}}", "Put a space"],
    ["{ a {{{values.x}} }", ":1:16: not a valid template: unexpected }}", "Put a space"],
    ['{{key "app/none"}}', ':1:7: there is no key "app/none"', "keyOr"],
    ["{{> nobody}}", ':1:1: unknown partial "nobody"', "Use one of"],
  ])("a fault of %j points at its line, and names a next step", async (template, words, hint) => {
    const { directory, nginx } = await prepare();
    await writeFile(directory.at("site.hbs"), `# first\n${template}\n`);
    const config = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      values: { x: 1 },
      proxies: [nginxProxy(nginx, { files: [{ template: "site.hbs", path: "site.conf" }] })],
    });
    const { exitCode, output } = await runFairlead(["render", "-c", config]);
    const [place, ...message] = words.split(": ");
    const line = template === "a {{#if x}}b" ? 3 : 2;
    expect(exitCode).toBe(1);
    expect(output).toContain(`${directory.at("site.hbs")}${place?.replace(":1:", `:${line}:`)}`);
    expect(output).toContain(message.join(": "));
    expect(output).toMatch(/\n\d+ \| .*\n *\^\n {2}\S/);
    if (hint !== "→") expect(output).toContain(hint);
  });

  test("render exits with 1 and shows the template's line when it cannot", async () => {
    const { directory, nginx } = await prepare();
    await writeFile(
      directory.at("site.hbs"),
      'x\n  {{#each (service "web" health="well")}}{{/each}}\n',
    );
    const config = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [nginxProxy(nginx, { files: [{ template: "site.hbs", path: "site.conf" }] })],
    });
    const result = await runFairlead(["render", "-c", config]);
    expect(result.exitCode).toBe(1);
    expect(result.output).toContain(
      `${directory.at("site.hbs")}:2:11: unknown health "well"\n2 |   {{#each (service "web" health="well")}}{{/each}}\n              ^\n`,
    );
  });

  test("schema prints JSON Schema that knows every section", async () => {
    const { exitCode, stdout } = await runFairlead(["schema"]);
    expect(exitCode).toBe(0);
    const schema = JSON.parse(stdout) as { readonly properties: object };
    expect(Object.keys(schema.properties)).toEqual([
      "consul",
      "catalog",
      "state",
      "history",
      "admin",
      "proxies",
      "routes",
      "partials",
      "values",
    ]);
  });
});

async function prepare() {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  await writeFile(directory.at("catalog.yaml"), CATALOG);
  return { directory, nginx, ...(await listenAddress()) };
}

async function workersOf(master: number): Promise<string> {
  return await readFile(`/proc/${master}/task/${master}/children`, "utf8");
}
