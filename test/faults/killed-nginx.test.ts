import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { nginxProxy, testDirectory, testNginx, writeConfig } from "../helpers/test-programs.ts";
import { KILL_TIMEOUT_MS, killAtEachStep } from "./kill-at-each-step.ts";

test(
  "killed at any step while four files in two directories change: one complete generation is in place and served, nothing is left behind",
  async () => {
    const directory = await testDirectory();
    const nginx = await testNginx(directory);
    const [first, second] = await freePorts(2);
    const other = directory.at("other.d");
    await mkdir(other);
    await writeFile(join(nginx.confDirectory, "include.conf"), `include ${other}/*.conf;\n`);
    const server = (port: number | undefined) =>
      `server { listen 127.0.0.1:${port}; location / { return 200 "{{key "generation"}}"; } }\n`;
    await writeFile(directory.at("first.hbs"), server(first));
    await writeFile(directory.at("second.hbs"), server(second));
    await writeFile(directory.at("each.hbs"), "# {{value}}\n");
    const file = await writeConfig(directory, {
      catalog: { file: "catalog.yaml" },
      proxies: [
        nginxProxy(nginx, {
          files: [
            { template: "first.hbs", path: join(nginx.confDirectory, "first.conf") },
            { template: "second.hbs", path: join(other, "second.conf") },
            { template: "each.hbs", each: { keys: "each" }, path: join(other, "{{key}}.conf") },
          ],
        }),
      ],
    });

    const steps = await killAtEachStep({
      directory,
      config: file,
      proxy: "edge",
      catalog: (generation) =>
        stringify({
          keys: {
            generation,
            // One file comes and one goes with each generation.
            [`each/${generation}`]: `of ${generation}`,
          },
        }),
      async check() {
        const [text, more] = await Promise.all([
          readFile(join(nginx.confDirectory, "first.conf"), "utf8"),
          readFile(join(other, "second.conf"), "utf8"),
        ]);
        const inPlace = /return 200 "(.*)"/.exec(text)?.[1] ?? "";
        expect(more).toContain(`return 200 "${inPlace}"`);
        expect(await readdir(nginx.confDirectory)).toEqual(["first.conf", "include.conf"]);
        expect((await readdir(other)).toSorted()).toEqual([`${inPlace}.conf`, "second.conf"]);
        for (const port of [first, second]) {
          expect((await request(`http://127.0.0.1:${port}/`)).body).toBe(inPlace);
        }
        return inPlace;
      },
    });
    expect(steps.length).toBeGreaterThanOrEqual(12);
  },
  KILL_TIMEOUT_MS,
);
