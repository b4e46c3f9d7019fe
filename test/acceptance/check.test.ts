import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startSite } from "../helpers/site.ts";
import { nginxProxy } from "../helpers/test-programs.ts";
import { UNRESOLVABLE } from "../helpers/unresolvable.ts";

describe("fairlead check", () => {
  test("reports all faults of all templates and partials, and raw output, and touches nothing", async () => {
    const site = await startSite({ catalog: {} });
    const { directory, nginx } = site;
    const files = {
      "calls.hbs":
        '{{#each (servce "web")}}\n  {{lowr "x"}}\n{{/each}}\n{{> missing}}{{> broken}}\n',
      "braces.hbs": "location / { return 200 {{values.x}}}\n",
      "value.hbs": '# {{{values.x}}}\n{{key "no/such"}}\n',
      "partials/broken.hbs": "{{#if a}}\n{{#each b}}{{/each}}\n",
      "partials/unused.hbs": "x {{/if}}\n",
    };
    for (const [name, text] of Object.entries(files)) await site.save(name, text);
    const entries = ["calls", "braces", "value"].map((name) => ({
      template: `${name}.hbs`,
      path: join(nginx.confDirectory, `${name}.conf`),
    }));
    await site.configure({
      partials: "partials",
      values: { x: 1 },
      proxies: [
        nginxProxy(nginx, { files: entries }),
        nginxProxy(nginx, { name: "second", files: [{ ...entries[2], path: "x.conf" }] }),
      ],
    });
    const { exitCode, stdout } = await site.run("check");
    expect(exitCode).toBe(1);
    const calls = directory.at("calls.hbs");
    const expected = [
      `  error   ${calls}:1:10: unknown helper "servce"\n          1 | {{#each (servce "web")}}\n                       ^\n          → Did you mean "service"?\n`,
      `  error   ${calls}:2:5: unknown helper "lowr"\n          2 |   {{lowr "x"}}\n                  ^\n          → Did you mean "lower"?\n`,
      `  error   ${calls}:4:1: unknown partial "missing"\n`,
      "  error   broken:3:1: not a valid template: unexpected end of the file\n",
      "          → Close {{#if}} of line 1 with {{/if}}\n",
      `  error   ${directory.at("braces.hbs")}:1:35: not a valid template: unexpected }}} at "}}}"\n`,
      "          → Put a space between }} and the closing brace that follows",
      `  error   ${directory.at("value.hbs")}:2:7: there is no key "no/such"`,
      `  note    ${directory.at("value.hbs")}:1:3: this value is written without escaping: # {{{values.x}}}\n`,
      "partials\n  error   unused:1:3: not a valid template: unexpected {{/",
      "second (nginx)\n  error   ",
      "\n8 errors, 0 warnings, 2 notes\n",
    ];
    for (const text of expected) expect(stdout).toContain(text);

    const json = await site.run("check", "--json", "--proxy", "second");
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      proxies: [
        {
          name: "second",
          findings: [
            { level: "error", about: "template", hint: expect.stringContaining("keyOr") },
            { level: "note", about: "raw output" },
          ],
        },
      ],
      partials: [{ level: "error" }, { level: "error" }],
    });
    expect(await readdir(nginx.confDirectory)).toEqual([]);
    expect((await readdir(directory.path)).includes("state")).toBe(false);
  });

  test("asks also an nginx whose main file logs to its output by name, unless it is Fairlead's child and could not", async () => {
    const { nginx, configure, run } = await startSite({ catalog: {} });
    const main = (await readFile(nginx.config, "utf8"))
      .replace(nginx.errorLog, "/dev/stderr")
      .replace("access_log off", "access_log /dev/stdout");
    await writeFile(nginx.config, main);
    expect(await run("check")).toMatchObject({
      exitCode: 0,
      stdout: "edge (nginx)\n  ok      1 file, accepted by nginx\n0 errors, 0 warnings, 0 notes\n",
    });
    await writeFile(nginx.config, main.replace("http {", "http { nonsense on;"));
    expect(await run("check")).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('[emerg] unknown directive "nonsense"'),
    });
    await writeFile(nginx.config, main);
    const reload = { supervise: ["nginx", "-c", nginx.config] };
    await configure({ proxies: [nginxProxy(nginx, { reload })] });
    expect(await run("check")).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/"\/dev\/stderr" failed \(6:.*\n.*Log with `error_log stderr`/),
    });
  });

  test("has nginx check the candidate within its complete configuration", async () => {
    const { nginx, listen, run } = await startSite({ catalog: {} });
    expect(await run("check")).toMatchObject({
      exitCode: 0,
      stdout: "edge (nginx)\n  ok      1 file, accepted by nginx\n0 errors, 0 warnings, 0 notes\n",
    });
    await writeFile(
      join(nginx.confDirectory, "other.conf"),
      `server { listen ${listen} default_server; }\n`,
    );
    const refused = await run("check");
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toMatch(
      new RegExp(
        `  error   refused: \\[emerg\\] a duplicate default server for ${listen} in .*/conf.d/services.conf:\\d+\n`,
      ),
    );
    expect(refused.stdout).toContain("from builtin:nginx/service-proxy.conf:");
    expect(await readdir(nginx.confDirectory)).toEqual(["other.conf"]);
  });

  test("names the service behind a line that nginx refuses, and what of the routes is bad", async () => {
    const { nginx, run } = await startSite({
      catalog: `services:
  web: [{ address: 127.0.0.1, port: 80, tags: ["route.path=/a b"] }]
  ghost: [{ address: ${UNRESOLVABLE}, port: 80, id: g1, node: n7 }]
`,
    });
    const { exitCode, stdout } = await run("check", "--color");
    expect(exitCode).toBe(1);
    expect(stdout).toContain("\u001b[31m");
    expect(stdout).toContain(
      `service "ghost", instance "g1" on n7, address "${UNRESOLVABLE}" would be left out: [emerg] host not found in upstream`,
    );
    expect(stdout).toMatch(/from builtin:nginx\/service-proxy\.conf:\d+:\d+\n/);
    expect(stdout).toContain(
      'service "web", instance "web-1" on local: route.path=/a b: expected a path',
    );
    expect(await readdir(nginx.confDirectory)).toEqual([]);
  });

  test("names the service that Varnish's compiler refuses", async () => {
    const { run } = await startSite({
      varnish: {},
      catalog: `services: { ghost: [{ address: ${UNRESOLVABLE}, port: 80, id: g1 }], web: [{ address: 127.0.0.1, port: 80 }] }\n`,
    });
    const { exitCode, stdout } = await run("check");
    expect(exitCode).toBe(1);
    expect(stdout).toContain('cache (Varnish)\n  error   service "ghost", instance "g1" on local');
  });

  test("says when nginx would never read the file", async () => {
    const files = [{ template: "builtin:nginx/service-proxy.conf", path: "lost.conf" }];
    const { directory, run } = await startSite({ catalog: {}, nginx: { files } });
    const lost = directory.at("lost.conf");
    const result = await run("check");
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toContain(`does not include "${lost}"`);
  });
});
