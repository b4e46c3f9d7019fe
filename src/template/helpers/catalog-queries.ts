import type { Instance } from "../../catalog/instance.ts";
import { ask } from "../render/render-context.ts";
import { unexpectedArgument } from "./arguments.ts";
import type { HelperCall, HelperGroup } from "./definition.ts";
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
        'The instances of a service whose checks pass, or are in one of the states of HEALTH: passing, warning, critical, maintenance, any. Each has id, name, address, port, tags, meta, weights.passing, weights.warning, status, node, nodeAddress, nodeMeta, datacenter, createIndex; and nodeId, isUnchecked and isNodeCritical where there is an agent, no check has reported yet, or one of its node alone is critical. A service whose name has dots is given as name="my.web", or with tag="" or a tag=; an item of services will do, too. NEAR is a node, or _agent; filter= is an expression that Consul evaluates',
      example: '{{#each (service "v2.web|any")}}{{hostPort address port}} {{status}}; {{/each}}',
      output: "10.0.0.2:8081 passing; 10.0.0.3:8082 critical; ",
      answer(call, subject) {
        const { query, health } = readServiceAsk(subject, call.named);
        const instances = ask(call.context, { kind: "service", ...query }) ?? [];
        return withHealth(instances, health);
      },
    },
    connect: {
      signature:
        'connect "[TAG.]NAME[@DATACENTER][~NEAR][|HEALTH,…]" [name=] [tag=] [dc=] [near=] [health=] [filter=]',
      meaning:
        "What serves a service within Consul's mesh: its sidecar proxies, and instances that speak Connect themselves. Arguments and fields are those of service",
      example: '{{#each (connect "web")}}{{hostPort address port}} {{/each}}',
      output: "10.0.0.1:21000 ",
      answer(call, subject) {
        const { query, health } = readServiceAsk(subject, call.named);
        const instances = ask(call.context, { kind: "connect", ...query }) ?? [];
        return withHealth(instances, health);
      },
    },
    preparedQuery: {
      signature: 'preparedQuery "NAME[@DATACENTER][~NEAR]" [dc=] [near=]',
      meaning:
        "The instances that a prepared query of Consul finds, by its name or id; read every 5 s, as Consul cannot be waited for here. Fields are those of service",
      example: '{{#each (preparedQuery "nearest-web")}}{{hostPort address port}} {{/each}}',
      output: "10.9.0.1:8080 ",
      answer(call, subject) {
        const { name, datacenter, near } = readPlace(call, subject);
        if (name === "") throw unexpectedArgument("a name in quotes", subject, "NAME");
        const place = { ...(datacenter && { datacenter }), ...(near && { near }) };
        return ask(call.context, { kind: "prepared", prepared: name, ...place }) ?? [];
      },
    },
    services: {
      signature: 'services ["@DATACENTER"] [dc=]',
      meaning: "All services: name, and tags of all instances together",
      example: "{{#each (services)}}{{name}} {{/each}}",
      output: "db web ",
      answer(call, subject) {
        const { datacenter } = readPlace(call, subject);
        return ask(call.context, { kind: "services", ...(datacenter && { datacenter }) }) ?? [];
      },
    },
    nodes: {
      signature: 'nodes ["@DATACENTER~NEAR"] [dc=] [near=] [filter=]',
      meaning: "All machines: name, address, datacenter, meta",
      example: "{{#each (nodes)}}{{name}} {{address}} {{/each}}",
      output: "n1 10.0.1.1 n2 10.0.1.2 ",
      answer(call, subject) {
        const { datacenter, near } = readPlace(call, subject);
        const filter = call.named["filter"];
        if (filter !== undefined && typeof filter !== "string") {
          throw unexpectedArgument("text", filter, "filter=");
        }
        const place = { ...(datacenter && { datacenter }), ...(near && { near }) };
        return ask(call.context, { kind: "nodes", ...place, ...(filter && { filter }) }) ?? [];
      },
    },
    node: {
      signature: 'node ["NAME[@DATACENTER]"] [dc=]',
      meaning:
        "One machine: name, address, datacenter, meta, and services, each with id, name, address, port, tags, meta; without a NAME that of the agent; absent when there is none",
      example: '{{#with (node "n1")}}{{address}} {{join (pluck services "id") ","}}{{/with}}',
      output: "10.0.1.1 web-1,db-1",
      answer(call, subject, place) {
        const { name, datacenter } = readPlace(call, subject, place);
        const node = { ...(name && { node: name }), ...(datacenter && { datacenter }) };
        return ask(call.context, { kind: "node", ...node }) ?? undefined;
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

const withHealth = (
  instances: readonly Instance[],
  health: ReturnType<typeof readServiceAsk>["health"],
): readonly Instance[] =>
  health === "any" ? instances : instances.filter(({ status }) => health.has(status));

interface Place {
  readonly name: string;
  readonly datacenter: string | undefined;
  readonly near: string | undefined;
}

/** Reads `NAME@DATACENTER~NEAR`, over which `dc=` and `near=` count, or a datacenter as an argument of its own. */
function readPlace({ named }: HelperCall, subject: unknown, place?: unknown): Place {
  const all = subject ?? "";
  if (typeof all !== "string") throw unexpectedArgument("text in quotes", subject, "the argument");
  const [, name = "", datacenter, near] = /^([^@~]*)(?:@([^~]*))?(?:~(.*))?$/s.exec(all) ?? [];
  return {
    name,
    datacenter: option(named, "dc") ?? datacenterOf(place) ?? (datacenter || undefined),
    near: option(named, "near") ?? (near || undefined),
  };
}

function option(named: HelperCall["named"], key: string): string | undefined {
  const value = named[key];
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw unexpectedArgument("text", value, `${key}=`);
}

function datacenterOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && /^@?[^@]+$/.test(value)) return value.replace("@", "");
  throw unexpectedArgument('text such as "@dc2"', value, "DATACENTER");
}

/** A name that is given as text. */
export function nameOf(value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw unexpectedArgument("a name in quotes", value, "NAME");
}

/** `dc=`, or an argument such as `@dc2`. */
export function datacenter(
  call: HelperCall,
  positional: unknown,
): { readonly datacenter?: string } {
  const given = option(call.named, "dc") ?? datacenterOf(positional);
  return given === undefined ? {} : { datacenter: given };
}
