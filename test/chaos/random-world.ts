/*
 * A catalog that changes at random, of which the test knows what is bad. Each value has a place where it is either right or
 * wrong beyond doubt: a weight, a parameter of a server, an address, the target of a redirect.
 */

interface RandomInstance {
  readonly address: string;
  /** Absent where the instance has none. */
  readonly weight?: string;
  readonly tag: string;
}

/** What the catalog has now. Maps keep the order in which things came. */
export interface World {
  readonly services: Map<string, Map<string, RandomInstance>>;
  /** Below `edge/redirects`. */
  readonly redirects: Map<string, string>;
  /** Their racks; `undefined` where a node has none. */
  readonly nodes: Map<string, string | undefined>;
  title: string | undefined;
  motd: string;
  /** Without the file the source has no answer: the last one stays, good or bad, and the query is reported as disconnected. */
  hasMotd: boolean;
}

/** Its instance, key and node are always good: so no lack of a value is ever the template's fault. */
export const ANCHOR = "anchor";

const BAD_NUMBERS = ["heavy", "2; }", "-1", "1.5", "$host", "0x", "a b", "1\n2", '5"', "{", ""];
const BAD_WORDS = ["a;b", "a b", "x\ny", "$nothing", "$x$", "a{", "a\0b", 'a"b'];
const BAD_NAMES = ["a;b", "a b", "a{b", 'a"b'];
const BAD_TAGS = ["maxfails=2", "down; }", "max_fails=x", "$host", "a b", "}"];
const BAD_ADDRESSES = ["a b", "x;y", "{", "10.0.0.1\n"];

export const isGoodWeight = (weight: string): boolean => /^[1-9]\d*$/.test(weight);
export const isGoodTag = (tag: string): boolean => /^max_fails=\d$/.test(tag);
export const isGoodAddress = (address: string): boolean => /^127\.\d+\.\d+\.\d+$/.test(address);
export const isGoodWord = (word: string): boolean => /^[a-z0-9:./-]+$/.test(word);

/** A catalog and its next states. Equal numbers make equal states. */
export interface RandomWorld {
  readonly world: World;
  /** Makes a few changes, now and then many. Returns their names. */
  change(): readonly string[];
}

/** @param random gives numbers from 0 up to 1 */
export function createRandomWorld(random: () => number): RandomWorld {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const isSeldom = (share: number): boolean => random() < share;
  const anyOf = (good: string, bad: readonly string[]): string =>
    isSeldom(0.4) ? pick(bad) : good;
  let count = 0;
  const next = (): number => {
    count += 1;
    return count;
  };
  const weight = (): string => anyOf(String(1 + below(99)), BAD_NUMBERS);
  const word = (prefix: string): string => anyOf(`${prefix}${next()}`, BAD_WORDS);
  const address = (): string => `127.${1 + Math.floor(next() / 250)}.1.${1 + (count % 250)}`;
  const world = startingWorld(address);

  const changes: Readonly<Record<string, () => string>> = {
    register() {
      const service = pick(["s0", "s1", "s2", "s3", "s4", ...(isSeldom(0.3) ? BAD_NAMES : [])]);
      const id = `${service}-${next()}`;
      const instance = {
        address: isSeldom(0.2) ? pick(BAD_ADDRESSES) : address(),
        tag: "max_fails=1",
        weight: weight(),
      };
      world.services.set(
        service,
        new Map([...(world.services.get(service) ?? []), [id, instance]]),
      );
      return id;
    },
    deregister() {
      const [service, id] = anInstance();
      remove(service, id);
      return id;
    },
    weight: () => edit(() => ({ weight: weight() })),
    "no weight": () => edit(() => ({ weight: undefined })),
    tag: () => edit(() => ({ tag: anyOf(`max_fails=${below(9)}`, BAD_TAGS) })),
    address: () => edit(() => ({ address: anyOf(address(), BAD_ADDRESSES) })),
    "replace all"() {
      const [service] = anInstance();
      const isBad = isSeldom(0.5);
      const id = `${service}-${next()}`;
      const instance = {
        address: address(),
        tag: "max_fails=1",
        weight: isBad ? pick(BAD_NUMBERS) : "3",
      };
      if (service !== ANCHOR) world.services.set(service, new Map([[id, instance]]));
      return id;
    },
    redirect() {
      const key = isSeldom(0.2) ? pick(BAD_NAMES) : `k${below(5)}`;
      world.redirects.set(key, word("https://example.test/"));
      return key;
    },
    "delete a redirect"() {
      const key = pick([...world.redirects.keys()]);
      if (key !== ANCHOR) world.redirects.delete(key);
      return key;
    },
    node() {
      const node = `n${below(4)}`;
      world.nodes.set(node, isSeldom(0.2) ? undefined : word("rack"));
      return node;
    },
    "remove a node"() {
      const node = pick([...world.nodes.keys()]);
      if (node !== ANCHOR) world.nodes.delete(node);
      return node;
    },
    title() {
      world.title = isSeldom(0.3) ? undefined : word("title");
      return "title";
    },
    motd() {
      world.hasMotd = !isSeldom(0.3);
      if (world.hasMotd) world.motd = word("motd");
      return "motd";
    },
    mend() {
      const [service, id] = anInstance();
      set(service, id, { address: address(), tag: "max_fails=1", weight: "7" });
      return id;
    },
  };

  return {
    world,
    change() {
      const many = isSeldom(0.1) ? 15 : 1 + below(4);
      return Array.from({ length: many }, () => {
        const name = pick(Object.keys(changes));
        return `${name} ${JSON.stringify(changes[name]?.())}`;
      });
    },
  };

  function anInstance(): readonly [string, string] {
    const service = pick([...world.services.keys()]);
    return [service, pick([...(world.services.get(service)?.keys() ?? [])])];
  }

  function edit(change: () => Partial<Record<keyof RandomInstance, string | undefined>>): string {
    const [service, id] = anInstance();
    const now = world.services.get(service)?.get(id);
    if (now === undefined) throw new Error(`there is no ${id}`);
    const { weight: before, ...rest } = now;
    const { weight: after, ...more } = { weight: before, ...change() };
    set(service, id, {
      ...rest,
      ...(more as Partial<RandomInstance>),
      ...(after === undefined ? {} : { weight: after }),
    });
    return id;
  }

  function set(service: string, id: string, instance: RandomInstance): void {
    if (service !== ANCHOR) world.services.get(service)?.set(id, instance);
  }

  function remove(service: string, id: string): void {
    if (service === ANCHOR) return;
    const instances = world.services.get(service);
    instances?.delete(id);
    if (instances?.size === 0) world.services.delete(service);
  }
}

function startingWorld(address: () => string): World {
  const one = (id: string): Map<string, RandomInstance> =>
    new Map([[id, { address: address(), weight: "1", tag: "max_fails=1" }]]);
  return {
    services: new Map([ANCHOR, "s0", "s1"].map((name) => [name, one(`${name}-0`)])),
    redirects: new Map([[ANCHOR, "https://example.test/"]]),
    nodes: new Map([[ANCHOR, "rack"]]),
    title: "title",
    motd: "motd",
    hasMotd: true,
  };
}

/** As a catalog file has it. JSON that YAML reads the same: its own line breaks are more than those of JSON. */
export function toCatalogFile(
  { services, redirects, nodes, title, motd, hasMotd }: World,
  { round, port }: { readonly round: number; readonly port: number },
): string {
  const instances = (of: ReadonlyMap<string, RandomInstance>): readonly object[] =>
    [...of].map(([id, { address, weight, tag }]) => ({
      id,
      address,
      port,
      node: ANCHOR,
      tags: [tag],
      meta: weight === undefined ? {} : { weight },
    }));
  return JSON.stringify({
    services: {
      ...Object.fromEntries([...services].map(([name, of]) => [name, instances(of)])),
      [`round${round}`]: [
        {
          id: "round",
          address: "127.0.0.1",
          port,
          node: ANCHOR,
          meta: { weight: "1" },
          tags: ["max_fails=1"],
        },
      ],
    },
    keys: {
      "chaos/round": String(round),
      ...(title === undefined ? {} : { "app/title": title }),
      ...Object.fromEntries([...redirects].map(([key, value]) => [`edge/redirects/${key}`, value])),
    },
    nodes: [...nodes].map(([name, rack]) => ({
      name,
      address: "127.0.0.1",
      meta: rack === undefined ? {} : { rack },
    })),
    files: hasMotd ? { "motd.txt": motd } : {},
  });
}
