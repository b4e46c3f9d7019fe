import { request } from "../helpers/request.ts";
import type { SampleAnswer } from "../helpers/sample-service.ts";
import { until } from "../helpers/until.ts";
import type { Demo } from "./start-demo.ts";

/** Enough answers in a row, each over a connection of its own, to reach every instance in use. */
const REQUESTS = 12;

/** Asks the routes, fails and restores one instance, and prints a tick for each step that works. */
export async function checkDemo(demo: Demo): Promise<boolean> {
  const edges = [
    { name: "nginx", url: demo.nginxUrl },
    { name: "Varnish", url: demo.varnishUrl },
  ];
  const web1 = demo.services.find(({ name }) => name === "web-1");
  if (web1 === undefined) throw new Error("the demo has no web-1");
  let works = true;
  const step = async (what: string, work: () => Promise<unknown>) => {
    if (!works) return;
    try {
      await work();
      console.log(`  ✓ ${what}`);
    } catch (error) {
      works = false;
      console.log(`  ✗ ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const answeredBy = async (names: string, path: string, host?: string) => {
    for (const { name, url } of edges) {
      await step(`${name}: ${host ?? ""}${path} is answered by ${names}`, () =>
        until(names, async () => (await whoAnswers(`${url}${path}`, host)) === names),
      );
    }
  };
  const setHealth = async (state: "up" | "down") => {
    await step(`the health of web-1 is turned ${state}`, () =>
      request(`http://127.0.0.1:${web1.port}/health/${state}`, { method: "PUT" }),
    );
  };

  await answeredBy("web-1, web-2", "/web/");
  await answeredBy("api-1, api-2", "/api/v1");
  await answeredBy("events-1", "/", "events.test");
  await setHealth("down");
  await answeredBy("web-2", "/web/");
  await setHealth("up");
  await answeredBy("web-1, web-2", "/web/");
  console.log(works ? "The demo works." : "The demo does not work.");
  return works;
}

async function whoAnswers(url: string, host: string | undefined): Promise<string> {
  const names = new Set<string>();
  for (let i = 0; i < REQUESTS; i += 1) {
    const { status, body } = await request(url, host === undefined ? {} : { host });
    names.add(status === 200 ? (JSON.parse(body) as SampleAnswer).name : `status ${status}`);
  }
  return [...names].toSorted().join(", ");
}
