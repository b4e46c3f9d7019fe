import type { Instance } from "../catalog/instance.ts";
import type { Route } from "../route/route.ts";
import { buildRouteTable } from "../route/route-table.ts";
import { type Helper, values } from "./helper-definition.ts";
import { ask, type RenderContext } from "./render-context.ts";
import { readServiceAsk } from "./service-text.ts";
import { TemplateFault } from "./template-error.ts";

/** Stands for the generation's id until all files are rendered and the id, their hash, is known. */
export const GENERATION_MARK = "@fairlead-generation-id@";

/** Consul's own service is no route: its port speaks no HTTP. */
const CONSUL_ITSELF = "consul";

interface Options {
  readonly hash: Readonly<Record<string, unknown>>;
}

/**
 * Helpers that answer from the render's snapshot. Where there is no answer yet they note that and give an
 * empty value, so that one pass finds all that is missing.
 */
export function catalogHelpers(context: RenderContext): Readonly<Record<string, Helper>> {
  return {
    service(...args) {
      const { query, health } = readServiceAsk(values(args)[0], named(args));
      const instances = ask(context, query) ?? [];
      return health === "any" ? instances : instances.filter(({ status }) => health.has(status));
    },
    services: (...args) => ask(context, { kind: "services", ...datacenter(args, 0) }) ?? [],
    nodes: (...args) => ask(context, { kind: "nodes", ...datacenter(args, 0) }) ?? [],
    node(...args) {
      const wanted = name(args, "node");
      return ask(context, { kind: "nodes", ...datacenter(args, 1) })?.find(
        (it) => it.name === wanted,
      );
    },
    datacenters: () => ask(context, { kind: "datacenters" }) ?? [],
    key(...args) {
      const query = { kind: "key", key: name(args, "key"), ...datacenter(args, 1) } as const;
      const entry = ask(context, query);
      // A key that is not there yet is waited for, as one that was not answered yet.
      if (entry === null) context.missing.set(`key ${JSON.stringify(query.key)}`, query);
      return entry?.value ?? "";
    },
    keyOr(...args) {
      const [, fallback] = values(args);
      return ask(context, { kind: "key", key: name(args, "keyOr") })?.value ?? fallback;
    },
    keyExists: (...args) => Boolean(ask(context, { kind: "key", key: name(args, "keyExists") })),
    ls: (...args) => keyEntries(context, name(args, "ls"), datacenter(args, 1)),
    tree(...args) {
      const prefix = folder(name(args, "tree"));
      const entries = ask(context, { kind: "tree", prefix, ...datacenter(args, 1) }) ?? [];
      return entries
        .map(({ key, value }) => ({ key: key.slice(prefix.length), path: key, value }))
        .filter(({ key }) => key !== "" && !key.endsWith("/"));
    },
    routes: () => routes(context),
    generation: () => GENERATION_MARK,
  };
}

/** The entries directly below a prefix of the key-value store. */
export function keyEntries(
  context: RenderContext,
  below: string,
  options: { readonly datacenter?: string } = {},
): readonly { readonly key: string; readonly path: string; readonly value: string }[] {
  const prefix = folder(below);
  const entries = ask(context, { kind: "tree", prefix, ...options }) ?? [];
  return entries
    .map(({ key, value }) => ({ key: key.slice(prefix.length), path: key, value }))
    .filter(({ key }) => key !== "" && !key.includes("/"));
}

/** All routes of all services. Built once per render. */
export function routes(context: RenderContext): readonly Route[] {
  context.routeTable ??= buildRouteTable(registeredInstances(context));
  context.trace?.routed(context.routeTable.routes);
  return context.routeTable.routes;
}

function registeredInstances(context: RenderContext): readonly (readonly Instance[])[] {
  const services = ask(context, { kind: "services" }) ?? [];
  return services
    .filter((it) => it.name !== CONSUL_ITSELF)
    .map((it) => ask(context, { kind: "service", name: it.name }) ?? []);
}

function name(args: readonly unknown[], helper: string): string {
  const [first] = values(args);
  if (typeof first === "string" && first !== "") return first;
  throw new TemplateFault(`${helper} wants a name in quotes as its first argument`, {
    hint: `Write it as ${helper} "name"`,
  });
}

const named = (args: readonly unknown[]): Options["hash"] => (args.at(-1) as Options).hash;

/** `dc=` or `@dc2`, the latter as the positional argument number `index`. */
function datacenter(args: readonly unknown[], index: number): { readonly datacenter?: string } {
  const positional = values(args)[index];
  const given = named(args)["dc"] ?? positional;
  if (given === undefined) return {};
  if (typeof given === "string") return { datacenter: given.replace(/^@/, "") };
  throw new TemplateFault("a datacenter is given as text", {
    hint: 'Write it as "@dc2" or dc="dc2"',
  });
}

const folder = (prefix: string): string => (prefix.endsWith("/") ? prefix : `${prefix}/`);
