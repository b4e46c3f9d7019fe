import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { runFairlead } from "../helpers/start-fairlead.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import { testDirectory } from "../helpers/test-programs.ts";

const TEMPLATE = `{{#each (services)}}{{#if (service name)}}
upstream {{identifier name}} {
{{#each (service name)}}
  server {{hostPort address port}};
{{/each}}
}
{{/if}}{{/each}}
server {
  listen {{values.port}} default_server;
  listen [::]:8443;
  server_name {{values.domain}};
{{#each (services)}}{{#if (service name)}}
  location /{{name}}/ { proxy_pass http://{{identifier name}}/; add_header X-Title "{{@root.values.title}}"; }
{{/if}}{{/each}}
}
`;

const HEAD = `template: site.conf.hbs
values: { domain: example.com, title: "T", port: 80 }
catalog:
  services:
    web: [{ address: 10.0.0.1, port: 80, id: w1 }, { address: 10.0.0.2, port: 80, status: critical }]
    api: [{ address: "::1", port: 81 }]
cases:
`;

describe("fairlead test", () => {
  test("cases that hold pass, with the real nginx; --update and --junit write their files", async () => {
    const directory = await cases(`${HEAD}
  - name: text
    expect:
      contains: ["server 10.0.0.1:80;", "server [::1]:81;"]
      absent: 10.0.0.2
      matches: '^  server_name example\\.com;$'
      outputFile: site.expected
  - name: nginx
    values: { title: "say \\"hi\\"" }
    expect:
      valid: true
      routes:
        - { path: /web/x?y=1, status: 200, service: web, instance: w1, sees: "/x?y=1", answers: { X-Title: 'say "hi"' } }
        - { path: /api/, port: 8443, service: api }
        - { path: /no, method: POST, host: other.example.com, status: 404, body: Not Found }
  - name: a service with bad data
    catalog: { services: { "a{b": [{ address: 10.0.0.1, port: 1 }], web: [{ address: 10.0.0.1, port: 2 }] } }
    expect: { leftOut: "a{b", contains: 10.0.0.1:2 }
  - name: a fault
    catalog: { services: { web: [{ address: "10.0.0.1; }", port: 80 }] } }
    expect: { error: cannot stand in a bare word of nginx }
  - name: refused
    values: { port: 99999 }
    expect: { valid: false }
`);
    const first = await runFairlead(["test", directory.path]);
    expect(first.exitCode).toBe(1);
    expect(first.stdout).toMatch(/ {2}FAIL {2}text \(\d+ ms\)\n {8}not the expected output:\n/);
    expect(first.stdout).toContain("        +++ site.conf\trendered\n");
    expect(first.stdout).toContain("4 passed, 1 failed\n");

    const update = ["test", directory.path, "--filter", "TEXT", "--update"];
    expect((await runFairlead(update)).stdout).toContain("1 passed, 0 failed\n");
    expect(await readFile(directory.at("site.expected"), "utf8")).toContain("server 10.0.0.1:80;");

    const report = directory.at("report.xml");
    const all = await runFairlead(["test", directory.at("site.test.yaml"), "--junit", report]);
    expect(all.exitCode).toBe(0);
    expect(all.stdout).toContain("5 passed, 0 failed\n");
    const xml = await readFile(report, "utf8");
    expect(xml).toContain('tests="5" failures="0" errors="0"');
    expect(xml).toContain('name="a service with bad data" time="');
  });

  test("cases that do not hold say what, where and how it differs", async () => {
    const directory = await cases(`${HEAD}
  - name: text
    expect: { output: "upstream api {\\n}\\n", contains: nothing, absent: upstream, matches: "^x$" }
  - name: routes
    expect:
      routes:
        - { path: /web/, status: 503, service: api, sees: /web/, body: nothing, answers: { x-title: other } }
        - { path: /web/, port: 9 }
  - name: refused
    values: { port: 99999 }
    expect: { valid: true }
  - name: unexpected
    catalog: { services: { "a{b": [{ address: 10.0.0.1, port: 1 }], web: [{ address: 10.0.0.1, port: 2 }] } }
    expect: { contains: web }
  - name: no fault
    expect: { error: nothing }
  - name: no answer
    catalog: {}
    expect: { leftOut: web, outputs: { other.conf: x } }
`);
    const report = directory.at("report.xml");
    const { exitCode, stdout } = await runFairlead(["test", directory.path, "--junit", report]);
    expect(exitCode).toBe(1);
    const words = [
      "         upstream api {\n        +  server [::1]:81;\n",
      'expected an output that contains "nothing"',
      'expected no output that contains "upstream"',
      "expected an output that matches /^x$/",
      "GET /web/ (host localhost): expected status 503, got 200\n        the answer: 200 {",
      'expected service "api", got "web"',
      'expected the service to see "/web/", got "/"',
      'expected a body that contains "nothing"',
      'expected header x-title to contain "other", got "T"',
      "nothing listens on port 9",
      'refused: [emerg] invalid port in "99999" of the "listen" directive',
      `        from ${directory.at("site.conf.hbs")}:9:1\n        9 |   listen {{values.port}} default_server;\n`,
      `service "a{b" is left out: ${directory.at("site.conf.hbs")}:13:13: `,
      'expected an error that contains "nothing", but all is rendered',
      'expected service "web" to be left out',
      'expected one output whose path ends with "other.conf", there are:',
      "0 passed, 6 failed\n",
    ];
    for (const text of words) expect(stdout).toContain(text);
    expect(await readFile(report, "utf8")).toContain(
      '<failure message="GET /web/ (host localhost): expected status 503, got 200">',
    );
  });

  test("tests a proxy of a config, with each and a recorded answer", async () => {
    const directory = await testDirectory();
    const files = {
      "fairlead.yaml":
        "proxies:\n  - name: edge\n    kind: nginx\n    files:\n      - { template: a.hbs, each: services, path: '/etc/nginx/conf.d/{{name}}.conf' }\nvalues: { domain: '${DOMAIN}', other: kept }\n",
      "a.hbs":
        '# {{name}} {{values.domain}} {{values.other}} {{#each (service name filter="x")}}{{id}}{{/each}}\n',
      "a.test.yaml": `config: fairlead.yaml
environment: { DOMAIN: example.org }
catalog:
  services: { web: [{ address: 10.0.0.1, port: 80 }] }
  answers:
    'service web filter="x"': [{ id: recorded, name: web, address: 10.0.0.1, port: 1, tags: [], meta: {}, status: passing }]
cases:
  - { name: each, expect: { outputs: { conf.d/web.conf: "# web example.org kept recorded\\n" }, valid: true } }
  - { name: unknown, catalog: { services: { b: [] , c: [{ address: 1.1.1.1, port: 1 }] } }, expect: { error: 'a template: the catalog has no answer to service c filter="x"' } }
`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(directory.at(name), text);
    const { exitCode, stdout } = await runFairlead(["test", directory.path]);
    expect(stdout).toContain("2 passed, 0 failed");
    expect(exitCode).toBe(0);
  });

  test("a bad file, no case at all and an unknown directory exit with 2", async () => {
    const directory = await cases(
      "templat: x\ncases:\n  - name: a\n    expect: { contians: x, matches: '(', routes: [{ pth: / }] }\n    catalog: { services: { web: [{ adress: 1 }] } }\n",
    );
    const file = directory.at("site.test.yaml");
    const bad = await runFairlead(["test", directory.path]);
    expect(bad.exitCode).toBe(2);
    for (const text of [
      `${file}:1:1: unknown key "templat": did you mean "template"?`,
      `${file}:4:15: unknown key "cases[0].expect.contians": did you mean "contains"?`,
      `${file}:4:37: cases[0].expect.matches: expected regular expressions that are well-formed, got "("`,
      `unknown key "cases[0].expect.routes[0].pth": did you mean "path"?`,
      `unknown key "cases[0].catalog.services.web[0].adress": did you mean "address"?`,
    ])
      expect(bad.output).toContain(text);
    const empty = await testDirectory();
    const none = await runFairlead(["test", empty.path]);
    expect(none).toMatchObject({ exitCode: 2 });
    expect(none.output).toContain("there is no case in");
    expect((await runFairlead(["test", empty.at("nowhere")])).exitCode).toBe(2);
    const schema = await runFairlead(["schema", "test"]);
    expect(JSON.parse(schema.stdout)).toMatchObject({ properties: { cases: { type: "array" } } });
  });
});

describe("fairlead init", () => {
  test.each(["nginx", "varnish"])(
    "%s writes a starter that passes check and test at once, and overwrites nothing",
    async (kind) => {
      const parent = await testDirectory();
      const directory = parent.at("a new one");
      const written = await runFairlead(["init", kind, directory]);
      expect(written).toMatchObject({ exitCode: 0 });
      const config = `${directory}/fairlead.yaml`;
      const [checked, tested] = await Promise.all([
        runFairlead(["check", "-c", config]),
        runFairlead(["test", directory]),
      ]);
      expect(checked.stdout).toContain("0 errors, 0 warnings, 0 notes\n");
      expect(checked.exitCode).toBe(0);
      expect(tested.stdout).toContain("2 passed, 0 failed\n");
      await writeFile(config, "mine\n");
      const again = await runFairlead(["init", kind, directory]);
      expect(again.exitCode).toBe(2);
      expect(again.output).toContain("fairlead.yaml");
      expect(await readFile(config, "utf8")).toBe("mine\n");
      expect((await runFairlead(["init", "apache"])).exitCode).toBe(2);
    },
  );
});

async function cases(text: string): Promise<TempDirectory> {
  const directory = await testDirectory();
  await writeFile(directory.at("site.conf.hbs"), TEMPLATE);
  await writeFile(directory.at("site.test.yaml"), text);
  return directory;
}
