import { isGoodAddress, isGoodTag, isGoodWeight, isGoodWord, type World } from "./random-world.ts";

/** Which of the catalog's values a template uses: others may be bad without an effect on it. */
export interface Uses {
  /** Of an instance: whether its weight may be missing, and whether its tag is used. */
  readonly weight?: "optional" | "required";
  readonly tag?: boolean;
  /** The built-in routes: an instance without a usable address is a problem of its route, and is not quarantined. */
  readonly routes?: boolean;
  readonly redirects?: boolean;
  readonly nodes?: boolean;
  readonly title?: boolean;
  readonly motd?: boolean;
}

type Instances = World["services"] extends Map<string, infer Of> ? Of : never;

/** What one proxy is expected to have in force, and what it is expected to report. */
export interface Expected {
  readonly services: ReadonlyMap<string, Instances>;
  readonly redirects: ReadonlyMap<string, string>;
  readonly nodes: ReadonlyMap<string, string>;
  readonly title: string | undefined;
  readonly motd: string | undefined;
  /** As `kind name`, sorted. */
  readonly leftOut: readonly string[];
  readonly pinned: readonly string[];
}

export const NOTHING: Expected = {
  services: new Map(),
  redirects: new Map(),
  nodes: new Map(),
  title: undefined,
  motd: undefined,
  leftOut: [],
  pinned: [],
};

/** The promise, as simply as it can be written: what is bad goes on as it last was, or is left out. */
export function expectedAfter(before: Expected, world: World, uses: Uses): Expected {
  if (uses.routes === true) return { ...NOTHING, services: routedIn(world) };
  const leftOut: string[] = [];
  const pinned: string[] = [];
  const services = new Map<string, Instances>();
  for (const [name, newest] of world.services) {
    if (!isGoodWord(name)) {
      leftOut.push(`service ${name}`);
      continue;
    }
    const force = before.services.get(name) ?? new Map();
    const result: Instances = new Map();
    for (const [id, instance] of newest) {
      const old = force.get(id);
      if (isGood(instance, uses)) result.set(id, instance);
      else if (old === undefined) leftOut.push(`instance ${id}`);
      else {
        result.set(id, old);
        pinned.push(`instance ${id}`);
      }
    }
    // A deploy that replaces all by bad ones keeps the service as it was.
    const used = result.size === 0 ? force : result;
    if (used.size > 0) services.set(name, used);
  }
  const pairs = (
    kind: string,
    newest: ReadonlyMap<string, string | undefined>,
    force: ReadonlyMap<string, string>,
  ): ReadonlyMap<string, string> => {
    const result = new Map<string, string>();
    for (const [name, value] of newest) {
      const old = force.get(name);
      const isUsable = value !== undefined && isGoodWord(value) && isGoodWord(name);
      if (isUsable) result.set(name, value);
      else if (old === undefined) leftOut.push(`${kind} ${name}`);
      else {
        result.set(name, old);
        pinned.push(`${kind} ${name}`);
      }
    }
    return result;
  };
  const single = (kind: string, query: string, newest?: string, old?: string) => {
    if (newest !== undefined && isGoodWord(newest)) return newest;
    pinned.push(newest === undefined ? `query ${query}` : kind);
    return old;
  };
  return {
    services,
    redirects:
      uses.redirects === true ? pairs("redirect", world.redirects, before.redirects) : new Map(),
    nodes: uses.nodes === true ? pairs("node", world.nodes, before.nodes) : new Map(),
    title:
      uses.title === true
        ? single("key app/title", 'key "app/title"', world.title, before.title)
        : undefined,
    motd:
      uses.motd === true
        ? single('answer file "motd.txt"', 'file "motd.txt"', world.motd, before.motd)
        : undefined,
    leftOut: leftOut.toSorted(),
    pinned: pinned.toSorted(),
  };
}

function routedIn({ services }: World): Expected["services"] {
  return new Map(
    [...services].map(([name, instances]) => [
      name,
      new Map([...instances].filter(([, { address }]) => isGoodAddress(address))),
    ]),
  );
}

function isGood(
  {
    address,
    weight,
    tag,
  }: { readonly address: string; readonly weight?: string; readonly tag: string },
  uses: Uses,
): boolean {
  if (!isGoodAddress(address) || (uses.tag === true && !isGoodTag(tag))) return false;
  if (uses.weight === undefined) return true;
  // `or` takes an empty text for none.
  if (weight === undefined || weight === "") return uses.weight === "optional";
  return isGoodWeight(weight);
}
