import { mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Candidate } from "../../../src/apply/proxy-driver.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { NginxConfig } from "../../../src/config/proxy-schema.ts";
import { checkNginx, prepareCheck } from "../../../src/proxy/nginx/check-nginx.ts";
import { createCheckTrees } from "../../../src/proxy/nginx/check-trees.ts";
import { matchesGlob } from "../../../src/proxy/nginx/include-glob.ts";
import { readDirectives } from "../../../src/proxy/nginx/nginx-directives.ts";
import { createPrestartedCheck } from "../../../src/proxy/nginx/prestarted-check.ts";
import { writeNginxConfig } from "../../helpers/start-nginx.ts";
import { testDirectory } from "../../helpers/test-programs.ts";

describe("readDirectives()", () => {
  test("reads words as nginx does: quotes, comments, braces in variables, code of other languages", () => {
    const directives = readDirectives(`user www; # pid no;
http { include "a b.conf"; location ~ ^/\${x}{ return 200 'a;\\'b'; }
  content_by_lua_block { if x then { include "lua"; } end }
  include
    *.conf; }`);
    expect(directives.map(({ name, args, depth }) => [depth, name, ...args])).toEqual([
      [0, "user", "www"],
      [0, "http"],
      [1, "include", "a b.conf"],
      [1, "location", "~", "^/${x}"],
      [2, "return", "200", "a;'b"],
      [1, "content_by_lua_block"],
      [1, "include", "*.conf"],
    ]);
  });

  test.each(["{", "}", "a", "'", "a {", '"\\', "include"])("does not fail on %j", (text) => {
    expect(() => readDirectives(text)).not.toThrow();
  });
});

test.each([
  ["/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/a.conf", true],
  ["/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/.a.conf", false],
  ["/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/sub/a.conf", false],
  ["/etc/nginx/*/[!b]?.conf", "/etc/nginx/x/a1.conf", true],
  ["/etc/nginx/*/[!b]?.conf", "/etc/nginx/x/b1.conf", false],
  ["/etc/nginx/a.conf", "/etc/nginx/aXconf", false],
])("matchesGlob(%j, %j) is %j", (pattern, path, expected) => {
  expect(matchesGlob(pattern, path)).toBe(expected);
});

describe("checkNginx()", () => {
  test("refuses with nginx's own words, the live path and the line", async ({ signal }) => {
    const { config, candidate } = await stage();
    const result = await check(config, await candidate("a.conf", "\nupstream web { }\n"), signal);
    expect(result).toMatchObject({ ok: false });
    if (!result.ok)
      expect(result.output).toMatch(/no servers are inside upstream in .*\/conf\.d\/a\.conf:2$/);
  });

  test("refuses a file that names an output which goes, though it is still there", async ({
    signal,
  }) => {
    const { config, candidate, confDirectory } = await stage();
    const pair = join(confDirectory, "site.pem");
    await writeFile(pair, "no certificate");
    const certificate = `server { listen 127.0.0.1:1 ssl; ssl_certificate ${pair}; ssl_certificate_key ${pair}; }\n`;
    const result = await check(
      config,
      { ...(await candidate("a.conf", certificate)), removed: [pair] },
      signal,
    );
    expect(result).toMatchObject({ ok: false });
    if (!result.ok) expect(result.output).toContain(`"${pair}": BIO_new_file() failed`);
  });

  test("sees the candidate in place of the live file, beside all others", async ({ signal }) => {
    const { config, candidate, confDirectory } = await stage();
    await writeFile(join(confDirectory, "a.conf"), "this is broken");
    await writeFile(join(confDirectory, "b.conf"), "upstream taken { server 127.0.0.1:1; }\n");
    expect(
      await check(
        config,
        await candidate("a.conf", "upstream web { server 127.0.0.1:1; }\n"),
        signal,
      ),
    ).toEqual({ ok: true });
    const clash = await check(
      config,
      await candidate("a.conf", "upstream taken { server 127.0.0.1:1; }\n"),
      signal,
    );
    expect(clash).toMatchObject({
      ok: false,
      output: expect.stringContaining('duplicate upstream "taken"'),
    });
    expect(await readFile(join(confDirectory, "a.conf"), "utf8")).toBe("this is broken");
  });

  test("a removed file is not part of the check", async ({ signal }) => {
    const { config, candidate, confDirectory } = await stage();
    await writeFile(join(confDirectory, "old.conf"), "this is broken");
    const next = await candidate("a.conf", "");
    expect(await check(config, next, signal)).toMatchObject({ ok: false });
    expect(
      await check(config, { ...next, removed: [join(confDirectory, "old.conf")] }, signal),
    ).toEqual({ ok: true });
  });

  test("finds the candidate through includes of includes, links and absolute paths", async ({
    signal,
  }) => {
    const { config, candidate, confDirectory, path: home } = await stage();
    await mkdir(join(home, "sites"));
    await symlink(join(home, "sites", "s.conf"), join(confDirectory, "link.conf"));
    await writeFile(
      join(confDirectory, "m.conf"),
      `include sites/nested.inc;\ninclude ${home}/sites/[x]*.inc;\n`,
    );
    await writeFile(join(home, "sites", "nested.inc"), "# nothing\n");
    await writeFile(join(home, "sites", "s.conf"), "");
    for (const name of ["../sites/nested.inc", "../sites/x1.inc", "../sites/s.conf"]) {
      const result = await check(config, await candidate(name, "upstream web { }"), signal);
      expect(result).toMatchObject({
        ok: false,
        output: expect.stringContaining("no servers are inside upstream"),
      });
    }
  });

  test("relative paths of other files resolve as in the live configuration", async ({ signal }) => {
    const { config, candidate, path: home } = await stage();
    await writeFile(join(home, "users"), "a:b\n");
    const text =
      "server { listen 127.0.0.1:1; auth_basic x; auth_basic_user_file users; include users.inc; }\n";
    await writeFile(join(home, "users.inc"), "# fine\n");
    expect(await check(config, await candidate("a.conf", text), signal)).toEqual({ ok: true });
  });

  test("the main file itself may be the candidate", async ({ signal }) => {
    const { config, candidate } = await stage();
    expect(await check(config, await candidate("../nginx.conf", "events {}\n"), signal)).toEqual({
      ok: true,
    });
    const result = await check(
      config,
      await candidate("../nginx.conf", "events {}\nnonsense;\n"),
      signal,
    );
    expect(result).toMatchObject({
      ok: false,
      output: expect.stringMatching(/unknown directive "nonsense" in .*\/nginx\.conf:2/),
    });
  });

  test("a file that nginx would never read is refused", async ({ signal }) => {
    const { config, candidate } = await stage();
    const result = await check(config, await candidate("../elsewhere.conf", ""), signal);
    expect(result).toMatchObject({
      ok: false,
      output: expect.stringContaining("nginx would never read it"),
    });
  });

  test("a tree is kept until its sources change, and not trusted afterwards", async ({
    signal,
  }) => {
    const { config, candidate, confDirectory, path: home } = await stage();
    const trees = createCheckTrees(config.config);
    onTestFinished(() => trees.close());
    const next = await candidate("a.conf", "upstream one { server 127.0.0.1:1; }\n");
    const ask = async () =>
      await checkNginx(config, next, {
        trees,
        prestarted: createPrestartedCheck({}),
        prefix: undefined,
        signal,
        onWarning: () => undefined,
      });
    expect(await ask()).toEqual({ ok: true });
    expect(await ask()).toEqual({ ok: true }); // the first one made nginx's pid file and error log
    const first = trees.kept();
    expect(await ask()).toEqual({ ok: true });
    expect(trees.kept()).toBe(first);
    await writeFile(join(confDirectory, "new.conf"), "upstream one { server 127.0.0.1:1; }\n");
    expect(await ask()).toMatchObject({
      ok: false,
      output: expect.stringContaining("duplicate upstream"),
    });
    await writeFile(
      join(home, "nginx.conf"),
      `events {}\nhttp { include ${confDirectory}/a.conf; }\n`,
    );
    expect(await ask()).toEqual({ ok: true });
    const third = trees.kept();
    await writeFile(join(home, "new.inc"), "");
    expect(await ask()).toEqual({ ok: true });
    expect(trees.kept()).not.toBe(third);
  });

  test.each([
    ["error_log /a.log warn;\nevents {}", true],
    ["error_log stderr;\nevents {}", true],
    ['error_log "syslog:server=127.0.0.1";\nevents {}', false],
    ["error_log memory:32m debug;\nevents {}", false],
    ["# error_log /a.log;\nevents {}\nhttp { error_log /b.log; }", false],
  ])("only a main file with a log of its own has the next check wait: %s", async (main, waits) => {
    const { config, candidate } = await stage();
    const trees = createCheckTrees(config.config);
    onTestFinished(() => trees.close());
    await writeFile(config.config, main);
    await trees.build(await candidate("a.conf", ""));
    const prepared: (readonly string[])[] = [];
    const prestarted = {
      ...createPrestartedCheck({}),
      prepare: async (argv: readonly string[]) => void prepared.push(argv),
    };
    await prepareCheck(config, { trees, prestarted, prefix: "/p" });
    const argv = ["nginx", "-t", "-p", "/p", "-c", trees.kept()?.main];
    expect(prepared).toEqual(waits ? [argv] : []);
  });

  test("reports a missing nginx program", async ({ signal }) => {
    const { config, candidate } = await stage();
    const missing = { ...config, binary: "no-such-nginx" };
    await expect(check(missing, await candidate("a.conf", ""), signal)).rejects.toMatchObject({
      code: "CHECK_UNAVAILABLE",
    });
  });
});

async function stage() {
  const directory = await testDirectory();
  const { config: main, confDirectory } = await writeNginxConfig(directory.path);
  const { proxies } = parseConfig(
    `proxies: [{ name: a, kind: nginx, config: ${main}, files: [{ template: x, path: y }] }]`,
    {
      file: "fairlead.yaml",
      environment: {},
    },
  );
  const candidate = async (name: string, text: string): Promise<Candidate> => {
    const stagedPath = join(await mkdtemp(directory.at("staged-")), "file");
    await writeFile(stagedPath, text);
    return {
      files: [{ path: join(confDirectory, name), stagedPath, text, format: "nginx" }],
      removed: [],
    };
  };
  return { config: proxies[0] as NginxConfig, candidate, confDirectory, path: directory.path };
}

async function check(config: NginxConfig, candidate: Candidate, signal: AbortSignal) {
  const trees = createCheckTrees(config.config);
  onTestFinished(() => trees.close());
  return await checkNginx(config, candidate, {
    trees,
    prestarted: createPrestartedCheck({}),
    prefix: undefined,
    signal,
    onWarning: () => undefined,
  });
}
