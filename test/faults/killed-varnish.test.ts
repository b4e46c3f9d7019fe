import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { KILL_TIMEOUT_MS, killAtEachStep } from "./kill-at-each-step.ts";

test(
  "killed while the VCL changes: Varnish runs what is in place, and nothing is left behind",
  async () => {
    const { directory, varnish, configFile } = await startSite({
      varnish: {},
      catalog: {},
      template: `vcl 4.1;
backend default none;
sub vcl_recv { return (synth(200)); }
sub vcl_synth { synthetic("{{key "generation"}}"); return (deliver); }
`,
    });
    const before = await readdir(dirname(varnish.vcl));

    const steps = await killAtEachStep({
      directory,
      config: configFile,
      proxy: "cache",
      catalog: (generation) => stringify({ keys: { generation } }),
      async check() {
        const text = await readFile(varnish.vcl, "utf8");
        const inPlace = /synthetic\("(.*)"\)/.exec(text)?.[1] ?? "";
        expect((await request(varnish.url)).body).toBe(inPlace);
        expect(await readdir(dirname(varnish.vcl))).toEqual(before);
        return inPlace;
      },
    });
    expect(steps.length).toBeGreaterThan(5);
  },
  KILL_TIMEOUT_MS,
);
