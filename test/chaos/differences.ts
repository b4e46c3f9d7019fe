import { request } from "../helpers/request.ts";
import type { ChaosProxy } from "./chaos-site.ts";
import type { Expected } from "./expected.ts";

/** What has ever been served: what is not expected any more must be gone. */
export interface EverServed {
  readonly services: Set<string>;
  readonly redirects: Set<string>;
  readonly nodes: Set<string>;
}

/** How what a proxy answers differs from what is expected of it. Empty when it does not. */
export async function differencesIn(
  proxy: ChaosProxy,
  {
    expected,
    ever,
    round,
  }: { readonly expected: Expected; readonly ever: EverServed; readonly round: number },
): Promise<readonly string[]> {
  return proxy.shape.templates === undefined
    ? await inBuiltIn(proxy, { expected, ever, round })
    : await inOwn(proxy, { expected, ever, round });
}

/** The built-in routes: each service is answered by its instances. */
async function inBuiltIn(
  { url }: ChaosProxy,
  { expected, ever, round }: Parameters<typeof differencesIn>[1],
): Promise<readonly string[]> {
  const marker = await request(`${url}/round${round}/x`);
  if (marker.status !== 200) return [`round ${round}: ${marker.status}`];
  return await collect(ever.services, async (name) => {
    const { status, body } = await request(`${url}/${name}/x`);
    const instances = expected.services.get(name);
    if (instances === undefined) return status === 404 ? undefined : `${name}: ${status}, not gone`;
    if (instances.size === 0)
      return status === 503 ? undefined : `${name}: ${status}, though no instance is usable`;
    const addresses = [...instances.values()].map(({ address }) => address);
    return status === 200 && addresses.includes(body)
      ? undefined
      : `${name}: ${status} ${body}, not ${addresses.join(" or ")}`;
  });
}

async function inOwn(
  { url, shape }: ChaosProxy,
  { expected, ever, round }: Parameters<typeof differencesIn>[1],
): Promise<readonly string[]> {
  const marker = (await request(`${url}/round`)).body;
  if (marker !== String(round)) return [`round ${round}: it serves that of ${marker}`];
  const { redirects, title, motd, nodes } = shape.uses;
  return [
    ...(await collect(ever.services, async (name) => {
      const options = shape.isEach === true ? { host: `${name}.test` } : {};
      const { status, body } = await request(`${url}/s/${name}`, options);
      return different(
        `service ${name}`,
        status === 404 ? "" : body,
        inForce(expected, name, shape.uses.weight !== undefined),
      );
    })),
    ...(redirects === true
      ? await collect(ever.redirects, async (key) => {
          const { headers } = await request(`${url}/r/${key}`);
          return different(`redirect ${key}`, headers.location ?? "", expected.redirects.get(key));
        })
      : []),
    ...(nodes === true
      ? await collect(ever.nodes, async (name) => {
          const { status, body } = await request(`${url}/n/${name}`);
          return different(`node ${name}`, status === 404 ? "" : body, expected.nodes.get(name));
        })
      : []),
    ...(await collect(title === true ? ["title"] : [], async () =>
      different("title", (await request(`${url}/title`)).body, expected.title),
    )),
    ...(await collect(motd === true ? ["motd"] : [], async () =>
      different("motd", (await request(`${url}/motd`)).body, expected.motd),
    )),
  ];
}

/** The answer with the instances in force, whatever their order. */
function inForce({ services }: Expected, name: string, hasWeights: boolean): string | undefined {
  const instances = services.get(name);
  if (instances === undefined) return undefined;
  const weightOf = (weight = ""): string => (weight === "" || !hasWeights ? "1" : weight);
  return [...instances].map(([id, { weight }]) => `${id}:${weightOf(weight)}`).join(" ");
}

function different(what: string, answer: string, expected = ""): string | undefined {
  const words = (text: string): string => text.trim().split(" ").toSorted().join(" ");
  return words(answer) === words(expected)
    ? undefined
    : `${what}: ${JSON.stringify(answer)}, not ${JSON.stringify(expected)}`;
}

async function collect(
  names: Iterable<string>,
  find: (name: string) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const found = await Promise.all([...names].map(find));
  return found.flatMap((it) => it ?? []);
}
