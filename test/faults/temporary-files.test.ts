import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startSite } from "../helpers/site.ts";
import { runFairlead, startFairlead } from "../helpers/start-fairlead.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import { nginxProxy } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/* What the checks of a Fairlead that was killed leave in the system's temporary directory. */

test("killed while varnishd compiles a candidate: the next start removes what both left, also while varnishd still writes", async () => {
  const { site, env, temporary } = await prepare("varnish");
  for (let i = 0; i < 2; i += 1) {
    await site.saveCatalog(catalogOf(`g${i}`));
    const fairlead = await site.start(undefined, { env });
    const left = new Set(await temporary());
    const isNew = (path: string) => !left.has(path);
    await until("varnishd compiles", async () => hasCompiler((await temporary()).filter(isNew)));
    await fairlead.stop("SIGKILL");
  }
  const last = await site.start(undefined, { env });
  await last.untilResult("live");
  expect(await topOf(temporary)).toEqual([expect.stringMatching(/^fairlead-vcl-/)]);
  expect(await last.stop()).toBe(0);
  expect(await temporary()).toEqual([]);
});

for (const kind of ["nginx", "varnish"] as const) {
  test(`a check of ${kind}'s that was killed is cleared up by the next one; one that was interrupted clears up itself`, async () => {
    const { site, env, temporary } = await prepare(kind);
    const file = site.configFile;
    const isAtIt = (paths: readonly string[]) =>
      kind === "varnish" ? hasCompiler(paths) : paths.some((it) => it.includes("nginx.conf"));
    const interrupted = await startFairlead(["check", "-c", file], { env });
    await until("it is checked", async () => isAtIt(await temporary()));
    await interrupted.stop(kind === "varnish" ? "SIGTERM" : "SIGINT");
    expect(await temporary()).toEqual([]);
    const killed = await startFairlead(["check", "-c", file], { env });
    await until("it is checked", async () => isAtIt(await temporary()));
    await killed.stop("SIGKILL");
    expect(await temporary()).not.toEqual([]);
    const next = await runFairlead(["check", "-c", file], { env });
    expect(next.exitCode, next.output).toBe(0);
    expect(await temporary()).toEqual([]);
  });
}

/** A proxy whose checks take their time, and a temporary directory for Fairlead alone. */
async function prepare(kind: "nginx" | "varnish") {
  const site = await startSite({
    catalog: catalogOf("g"),
    ...(kind === "varnish" ? { varnish: {}, varnishOptions: { compiler: "built-in" } } : {}),
  });
  if (kind === "nginx") {
    const binary = await slowNginx(site.directory);
    await site.configure({ proxies: [nginxProxy(site.nginx, { binary })] });
  }
  const home = site.directory.at("tmp");
  await mkdir(home);
  await chmod(home, 0o1777); // varnishd's compiler is another user
  return { site, env: { TMPDIR: home }, temporary: () => pathsIn(home) };
}

/** What is in a directory and below it; links are not followed. */
async function pathsIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const paths = entries.map(async (entry) => {
    if (!entry.isDirectory()) return [entry.name];
    const below = await pathsIn(join(directory, entry.name));
    return [entry.name, ...below.map((path) => join(entry.name, path))];
  });
  return (await Promise.all(paths)).flat();
}

const hasCompiler = (paths: readonly string[]): boolean =>
  paths.some((path) => path.includes("varnishd_C_"));

const topOf = async (temporary: () => Promise<readonly string[]>): Promise<readonly string[]> =>
  (await temporary()).filter((path) => !path.includes("/"));

async function slowNginx({ at }: TempDirectory): Promise<string> {
  await writeFile(at("slow-nginx"), '#!/bin/sh\nsleep 0.5\nexec nginx "$@"\n', { mode: 0o755 });
  return at("slow-nginx");
}

const catalogOf = (name: string): object => ({
  services: { [name]: [{ address: "127.0.0.1", port: 9 }] },
});
