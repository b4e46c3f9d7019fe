import { type AnswerValue, type Query, queryText } from "../../../catalog/query.ts";
import type { AnswerListener } from "../../../catalog/source.ts";
import type { ConsulConfig } from "../../../config/consul-schema.ts";
import type { ConsulClient } from "../consul-client.ts";
import { isEmpty } from "./lost-parts.ts";

/**
 * Finds what an earlier run saved as its answer to a query: the first answer of this run is compared with it, as the token may
 * have been narrowed meanwhile. Resolves with nothing where nothing can be lost.
 *
 * @throws the signal's reason, once aborted
 */
export type SavedAnswer = (query: Query) => Promise<AnswerValue | undefined>;

/** Answers from which Consul leaves out parts without a word. Each answer about a service is examined on its own. */
const MAY_LOSE_PARTS: ReadonlySet<string> = new Set(["services", "nodes", "tree", "prepared"]);
const ACL_ANSWER_MS = 3_000;

export function createSavedAnswer(
  { client, listener }: { readonly client: ConsulClient; readonly listener: AnswerListener },
  { config, signal }: { readonly config: ConsulConfig; readonly signal: AbortSignal },
): SavedAnswer {
  let reading: Promise<ReadonlyMap<string, AnswerValue> | undefined> | undefined;

  return async (query) => {
    if (!MAY_LOSE_PARTS.has(query.kind)) return undefined;
    reading ??= read();
    const value = (await reading)?.get(queryText(query));
    return value === undefined || isEmpty(value) ? undefined : value;
  };

  /** A large file takes some time, and most Consuls without a token have no ACLs. */
  async function read(): Promise<ReadonlyMap<string, AnswerValue> | undefined> {
    if (listener.saved === undefined) return undefined;
    const hasToken = Boolean(config.token) || config.tokenFile !== undefined;
    return hasToken || (await hasAcls()) ? await listener.saved() : undefined;
  }

  /** Consul answers 401 where ACLs are off. Source: Consul API documentation, "ACL Token HTTP API". */
  async function hasAcls(): Promise<boolean> {
    try {
      const how = { parameters: {}, withinMs: ACL_ANSWER_MS, signal };
      const { status, body } = await client.get("/acl/token/self", how);
      return !(status === 401 && body.toString("utf8").includes("ACL support disabled"));
    } catch {
      signal.throwIfAborted();
      return true; // it is not known
    }
  }
}
