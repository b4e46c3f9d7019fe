import { readFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { changeLine } from "./change-line.ts";
import { checkDemo } from "./check-demo.ts";
import { type Demo, startDemo } from "./start-demo.ts";

/*
 * `npm run demo`: a real Consul, three sample services that register themselves, an nginx service proxy, a
 * Varnish in front, and Fairlead for both. Ctrl-C ends all of it.
 */

const port = (text: string): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new InvalidArgumentError("It is a port from 1 to 65535.");
};

const program = new Command("npm run demo --")
  .description(
    "Shows Fairlead at work: Consul, sample services, nginx, Varnish. Ctrl-C ends all of it.",
  )
  .option("--check", "curl the routes, break and mend one instance, and exit with 0 or 1")
  .option("--nginx-port <port>", "where nginx serves (default: a free one)", port)
  .option("--varnish-port <port>", "where Varnish serves (default: a free one)", port)
  .option("--consul-port <port>", "where Consul's HTTP API is (default: a free one)", port)
  .parse();
const options = program.opts<{
  check?: boolean;
  nginxPort?: number;
  varnishPort?: number;
  consulPort?: number;
}>();

const interrupted = new Promise<"interrupted">((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => resolve("interrupted"));
});
const ends: (() => Promise<unknown>)[] = [];

try {
  const started = await Promise.race([
    startDemo(options, (end) => void ends.push(end)),
    interrupted,
  ]);
  if (started !== "interrupted") process.exitCode = await show(started);
} catch (error) {
  console.error(`The demo cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  // The last started goes first; one that was just being started is waited for by its own end.
  for (const end of ends.toReversed())
    await end().catch((error: Error) => console.error(error.message));
}

async function show(demo: Demo): Promise<number> {
  const start = performance.now();
  demo.fairlead.onErrorLine((line) => {
    const text = changeLine(line, performance.now() - start);
    if (text !== undefined) console.log(text);
  });
  if (options.check === true) {
    const result = await Promise.race([checkDemo(demo), interrupted]);
    return result === true ? 0 : 1;
  }
  console.log(await introduction(demo));
  await Promise.race([interrupted, demo.fairlead.ended]);
  console.log("\nEnding everything.");
  return demo.fairlead.isRunning() ? 0 : 1;
}

async function introduction({
  nginxUrl,
  varnishUrl,
  consul,
  configFile,
  adminUrl,
  services,
}: Demo): Promise<string> {
  const [first] = services;
  return `
Everything runs. The routes, through nginx and through Varnish:

  curl ${nginxUrl}/web/            curl ${varnishUrl}/web/
  curl ${nginxUrl}/api/v1          curl ${varnishUrl}/api/v1
  curl -H 'Host: events.test' ${nginxUrl}/    curl -H 'Host: events.test' ${varnishUrl}/

Break one instance's health, and restore it; a line below shows what Fairlead does:

  curl -X PUT http://127.0.0.1:${first?.port}/health/down
  curl -X PUT http://127.0.0.1:${first?.port}/health/up
  kill ${first?.pid}        # it deregisters itself

Consul's pages: ${consul.address}/ui
What Fairlead knows: curl ${adminUrl}/v1/status    its metrics: curl ${adminUrl}/metrics
Fairlead's config (${configFile}):

${(await readFile(configFile, "utf8")).replace(/^/gm, "  ").trimEnd()}

Ctrl-C ends all of it. Changes:
`;
}
