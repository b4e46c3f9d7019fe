import type { Instance } from "../../../catalog/instance.ts";
import { checksRequest } from "../api-requests.ts";
import { checksIn, parseConsulAnswer } from "../consul-answer.ts";
import type { ConsulContext } from "../consul-context.ts";
import { indexOf, jsonOf, requestConsul } from "../consul-request.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { readNode } from "./read-node.ts";
import type { TrackedService } from "./tracked-services.ts";

type Json = Readonly<Record<string, unknown>>;

/** Many services that were read together. */
export interface BulkAnswer {
  /** No change up to this index is missing in it. */
  readonly index: bigint;
  readonly instances: ReadonlyMap<TrackedService, readonly Instance[]>;
}

/**
 * Reads many services by reading the services of each node, and all checks: with few nodes that takes a few large
 * answers instead of thousands of small ones.
 *
 * @throws {AppError} CONSUL when one of the answers cannot be read
 */
export async function readInBulk(
  context: ConsulContext,
  entries: readonly TrackedService[],
  options: {
    readonly datacenter: string | undefined;
    readonly nodes: readonly string[];
    /** Consul's index of the known list of services: the answers must be as new. */
    readonly since: bigint;
    readonly signal: AbortSignal;
  },
): Promise<BulkAnswer> {
  const { datacenter, nodes, since, signal } = options;
  const checks = await readChecks(context, options);
  let index = checks.index;
  const bodies = new Map<string, Json[]>(entries.map(({ name }) => [name, []]));
  await mapConcurrently(nodes, async (node) => {
    const answer = await readNode(context, node, { datacenter, since, signal });
    if (answer.index < index) index = answer.index;
    const { node: nodeBody, services } = answer.content();
    const onNode = checks.byNode.get(node);
    const ofNode = onNode?.get("") ?? [];
    for (const service of services) {
      const body = bodies.get(String(service["Service"]));
      const own = onNode?.get(String(service["ID"])) ?? [];
      body?.push({ Node: nodeBody, Service: service, Checks: [...ofNode, ...own] });
    }
  });
  return {
    index,
    instances: new Map(
      entries.map((entry) => [
        entry,
        parseConsulAnswer(entry.plain, bodies.get(entry.name)) as readonly Instance[],
      ]),
    ),
  };
}

/** All checks by node and service id; a node's own are under "". */
async function readChecks(
  { client, config, reads }: ConsulContext,
  { datacenter, signal }: { readonly datacenter: string | undefined; readonly signal: AbortSignal },
): Promise<{
  readonly index: bigint;
  readonly byNode: ReadonlyMap<string, ReadonlyMap<string, readonly Json[]>>;
}> {
  const request = checksRequest("any", datacenter);
  const how = { config, index: 0n, waitMs: 0, signal };
  const answer = await reads.run(signal, () => requestConsul(client, request, how));
  const byNode = new Map<string, Map<string, Json[]>>();
  for (const check of checksIn(jsonOf(answer))) {
    const node = String(check["Node"]);
    const service = String(check["ServiceID"]);
    const onNode = byNode.get(node) ?? new Map<string, Json[]>();
    byNode.set(node, onNode);
    const others = onNode.get(service);
    if (others === undefined) onNode.set(service, [check]);
    else others.push(check);
  }
  return { index: indexOf(answer), byNode };
}
