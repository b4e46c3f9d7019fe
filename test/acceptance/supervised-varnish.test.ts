import { mkdir, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { readGroup } from "../../src/proxy/process-table.ts";
import { freePorts } from "../helpers/free-port.ts";
import {
  testDirectory,
  testFairlead,
  testService,
  untilAnsweredBy,
  whoAnswers,
} from "../helpers/test-programs.ts";

test("runs varnishd as its child, without a VCL at first, follows changes, loads the VCL again after varnishd died, and leaves no process behind", async () => {
  const directory = await testDirectory();
  const [one, two] = await Promise.all([testService("one"), testService("two")]);
  const [http = 0, cli = 0] = await freePorts(2);
  await mkdir(directory.at("cache"));
  await writeFile(directory.at("secret"), "for this test only\n");
  const catalog = (port: number) => `services: { web: [{ address: 127.0.0.1, port: ${port} }] }\n`;
  await writeFile(directory.at("catalog.yaml"), catalog(one.port));
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [
      {
        name: "cache",
        kind: "varnish",
        admin: { address: `127.0.0.1:${cli}`, secretFile: "secret" },
        files: [{ template: "builtin:varnish/service-proxy.vcl", path: "services.vcl" }],
        reload: {
          supervise:
            `varnishd -F -n ${directory.at("cache/varnish")} -a 127.0.0.1:${http} -s malloc,16m -T 127.0.0.1:${cli} -S ${directory.at("secret")} -f`
              .split(" ")
              .concat(""),
        },
      },
    ],
  });
  const url = `http://127.0.0.1:${http}/web/`;
  const live = await fairlead.untilResult("live");
  expect([...(await whoAnswers(url, 3))]).toEqual(["one"]);
  await writeFile(directory.at("catalog.yaml"), catalog(two.port));
  await untilAnsweredBy("two", url);
  const manager = Number(/varnishd (\d+)/.exec(live.msg)?.[1]);

  const from = fairlead.log().length;
  process.kill(manager, "SIGKILL");
  const again = await fairlead.untilLog(
    "another manager serves",
    ({ result, msg }) => result === "live" && !msg.includes(`varnishd ${manager})`),
    from,
  );
  expect([...(await whoAnswers(url, 1))]).toEqual(["two"]);
  const second = Number(/varnishd (\d+)/.exec(again.msg)?.[1]);
  expect(second).not.toBe(manager);
  expect(readGroup(manager)).toEqual([]);
  expect(await fairlead.stop("SIGTERM", 5_000)).toBe(0);
  expect(readGroup(second)).toEqual([]);
});
