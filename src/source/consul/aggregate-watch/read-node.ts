import { createHash } from "node:crypto";
import { AppError } from "../../../errors.ts";
import { nodeRequest } from "../api-requests.ts";
import type { ConsulContext } from "../consul-context.ts";
import { indexOf, jsonOf, requestConsul } from "../consul-request.ts";

type Json = Readonly<Record<string, unknown>>;

/** The answer of `/v1/catalog/node/NAME`. */
export interface NodeAnswer {
  readonly index: bigint;
  /** Equal for equal bodies. */
  readonly fingerprint: string;
  /** Parsed when it is called. @throws {AppError} CONSUL */
  content(): NodeContent;
}

/** A node and its services, as Consul's API has them. */
export interface NodeContent {
  readonly node: Json;
  readonly services: readonly Json[];
}

/** How long Consul may hold a read that waits for a server which lags behind. */
const CATCH_UP_MS = 250;

/**
 * Reads the services of a node.
 *
 * @param options.since let Consul hold the request for a moment until its index is at least this
 * @throws {AppError} CONSUL
 */
export async function readNode(
  { client, config, reads }: ConsulContext,
  node: string,
  options: {
    readonly datacenter: string | undefined;
    readonly since: bigint;
    readonly signal: AbortSignal;
  },
): Promise<NodeAnswer> {
  const { datacenter, since, signal } = options;
  const request = nodeRequest(node, datacenter);
  const index = since > 0n ? since - 1n : 0n;
  const how = { config, index, waitMs: CATCH_UP_MS, signal };
  const answer = await reads.run(signal, () => requestConsul(client, request, how));
  return {
    index: indexOf(answer),
    fingerprint: createHash("sha1")
      .update(answer.body ?? "")
      .digest("base64"),
    content: () => contentOf(node, jsonOf(answer)),
  };
}

/** Consul answers `null` for a node that does not exist, or that the token may not see. @throws {AppError} CONSUL */
export function contentOf(name: string, body: unknown): NodeContent {
  const { Node: node, Services: services } = (body ?? {}) as Json;
  if (!isObject(node) || !isObject(services)) {
    throw new AppError("CONSUL", `Cannot read the services of node "${name}" as there are none`, {
      hint: "Give consul.token the policy to read nodes",
    });
  }
  return { node, services: Object.values(services).filter(isObject) };
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;
