import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { freePorts } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { KILL_TIMEOUT_MS, killAtEachStep } from "./kill-at-each-step.ts";

test(
  "killed at any step while four files in two directories change: one complete generation is in place and served, nothing is left behind",
  async () => {
    const site = await startSite({
      catalog: {},
      nginx: ({ confDirectory }) => ({
        files: [
          { template: "first.hbs", path: join(confDirectory, "first.conf") },
          { template: "second.hbs", path: "other.d/second.conf" },
          { template: "each.hbs", each: { keys: "each" }, path: "other.d/{{key}}.conf" },
        ],
      }),
    });
    const { directory, nginx } = site;
    const [first, second] = await freePorts(2);
    const other = directory.at("other.d");
    await mkdir(other);
    await writeFile(join(nginx.confDirectory, "include.conf"), `include ${other}/*.conf;\n`);
    const server = (port: number | undefined) =>
      `server { listen 127.0.0.1:${port}; location / { return 200 "{{key "generation"}}"; } }\n`;
    await site.save("first.hbs", server(first));
    await site.save("second.hbs", server(second));
    await site.save("each.hbs", "# {{value}}\n");

    const steps = await killAtEachStep({
      directory,
      config: site.configFile,
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
