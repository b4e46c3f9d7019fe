import { expect, test } from "vitest";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const ALL = 40;

test.each([
  // the config, and who answers when: all pass; two in warning; the third critical too; all critical
  [{}, ["one two three", "three", "status 503", "status 503"]],
  [{ status: ["passing", "warning"] }, ["one two three", "one two three", "one two", "status 503"]],
  [{ whenNone: "warning" }, ["one two three", "three", "one two", "status 503"]],
  [{ whenNone: "all" }, ["one two three", "three", "one two three", "one two three"]],
])(
  "with routes: %j",
  async (routes, expected) => {
    const directory = await testDirectory();
    const [consul, nginx, varnish, ...services] = await Promise.all([
      testConsul(),
      testNginx(directory),
      testVarnish(directory),
      testService("one"),
      testService("two"),
      testService("three"),
    ]);
    for (const { name, port } of services) {
      await consul.register({ name: "web", id: name, port, weights: { passing: 3, warning: 2 } });
    }
    const { listen, url } = await listenAddress();
    await testFairlead(directory, {
      consul: { address: consul.address },
      routes,
      proxies: [nginxProxy(nginx), varnishProxy(varnish)],
      values: { nginx: { listen } },
    });
    const steps = [
      async () => undefined,
      async () => {
        await consul.setHealth("one", "warn");
        await consul.setHealth("two", "warn");
      },
      async () => await consul.setHealth("three", "fail"),
      async () => {
        await consul.setHealth("one", "fail");
        await consul.setHealth("two", "fail");
      },
    ];
    for (const [i, step] of steps.entries()) {
      await step();
      const names = new Set(
        expected[i]?.startsWith("status") ? [expected[i]] : expected[i]?.split(" "),
      );
      for (const edge of [url, varnish.url]) {
        await until(`${edge} is served by ${expected[i]} after step ${i}`, async () => {
          expect(await whoAnswers(`${edge}/web/`, ALL)).toEqual(names);
          return true;
        });
      }
    }
  },
  60_000,
);
