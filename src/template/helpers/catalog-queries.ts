import { ask } from "../render-context.ts";
import { expected } from "./arguments.ts";
import type { Call, HelperGroup } from "./definition.ts";
import { readServiceAsk } from "./service-text.ts";

/*
 * Where there is no answer yet these helpers note that and give an empty value, so that one pass finds all
 * that is missing.
 */

/** Services and nodes. */
export const CATALOG_QUERIES: HelperGroup = {
  title: "Services and nodes",
  helpers: {
    service: {
      signature:
        'service "[TAG.]NAME[@DATACENTER][~NEAR][|HEALTH,…]" [name=] [tag=] [dc=] [near=] [health=] [filter=]',
      meaning:
        "The instances of a service whose checks pass, or are in one of the states of HEALTH: passing, warning, critical, maintenance, any. Each has id, name, address, port, tags, meta, weights.passing, weights.warning, status, node, nodeAddress, nodeMeta, datacenter, createIndex",
      example: '{{#each (service "web")}}{{hostPort address port}} {{/each}}',
      output: "10.0.0.1:8080 10.0.0.2:8081 ",
      answer({ context, named }, subject) {
        const { query, health } = readServiceAsk(subject, named);
        const instances = ask(context, query) ?? [];
        return health === "any" ? instances : instances.filter(({ status }) => health.has(status));
      },
    },
    services: {
      signature: 'services ["@DATACENTER"] [dc=]',
      meaning: "All services: name, and tags of all instances together",
      example: "{{#each (services)}}{{name}} {{/each}}",
      output: "db web ",
      answer: (call, place) =>
        ask(call.context, { kind: "services", ...datacenter(call, place) }) ?? [],
    },
    nodes: {
      signature: 'nodes ["@DATACENTER"] [dc=]',
      meaning: "All machines: name, address, datacenter, meta",
      example: "{{#each (nodes)}}{{name}} {{address}} {{/each}}",
      output: "n1 10.0.1.1 n2 10.0.1.2 ",
      answer: (call, place) =>
        ask(call.context, { kind: "nodes", ...datacenter(call, place) }) ?? [],
    },
    node: {
      signature: 'node NAME ["@DATACENTER"] [dc=]',
      meaning: "One machine: name, address, datacenter, meta; absent when there is none",
      example: '{{#with (node "n1")}}{{address}}{{/with}}',
      output: "10.0.1.1",
      answer(call, wanted, place) {
        const name = nameOf(wanted);
        const nodes = ask(call.context, { kind: "nodes", ...datacenter(call, place) });
        return nodes?.find((it) => it.name === name);
      },
    },
    datacenters: {
      signature: "datacenters",
      meaning: "The names of all datacenters",
      example: "{{#each (datacenters)}}{{this}} {{/each}}",
      output: "dc1 ",
      answer: ({ context }) => ask(context, { kind: "datacenters" }) ?? [],
    },
  },
};

/** A name that is given as text. */
export function nameOf(value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw expected("a name in quotes", value, "NAME");
}

/** `dc=`, or an argument such as `@dc2`. */
export function datacenter({ named }: Call, positional: unknown): { readonly datacenter?: string } {
  const given = named["dc"] ?? positional;
  if (given === undefined) return {};
  if (typeof given === "string" && given !== "") return { datacenter: given.replace(/^@/, "") };
  throw expected('text such as "@dc2"', given, "DATACENTER");
}
