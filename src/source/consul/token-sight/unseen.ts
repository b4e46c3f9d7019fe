import { AppError } from "../../../errors.ts";

/** Names in a message, of many. */
const MOST_NAMES = 3;

const KEEPS = "until then the last answers stay in force";

/** A list of services without a single one: every datacenter has the service `consul`. */
export const seesNoService = (where: string): AppError =>
  unseen(
    `Cannot use Consul's list of services${where} as it is empty: the token sees no service, not even consul`,
    `See that consul.token or consul.tokenFile holds a token, with a policy of service_prefix read and node_prefix read; ${KEEPS}`,
  );

/** A list of nodes without a single one. */
export const seesNoNode = (where: string): AppError =>
  unseen(
    `Cannot use Consul's list of nodes${where} as it is empty: the token may not read nodes`,
    `Give the token a policy with node_prefix read; ${KEEPS}`,
  );

export const seesFewerServices = (names: readonly string[], count: number): AppError =>
  unseen(
    `Cannot believe Consul's list of services as ${names.length} of ${count} are gone from it that were not deregistered (${quoted(names)}): the token's policy sees less than before`,
    `Widen the token's policy again, with service_prefix read; ${KEEPS}`,
  );

export const seesFewerNodes = (names: readonly string[], count: number): AppError =>
  unseen(
    `Cannot believe Consul's list of nodes as ${names.length} of ${count} are gone from it that were not deregistered (${quoted(names)}): the token's policy sees less than before`,
    `Widen the token's policy again, with node_prefix read; ${KEEPS}`,
  );

/** @param isListed whether the list of services names it */
export const seesNoInstance = (name: string, isListed: boolean): AppError =>
  isListed
    ? unseen(
        `Cannot use Consul's answer about service "${name}" as it has no instance although the service is registered: the token may read services but not nodes`,
        `Give the token a policy with node_prefix read; ${KEEPS}`,
      )
    : unseen(
        `Cannot use Consul's answer about service "${name}" as it has no instance although the service was not deregistered: the token's policy does not let it see the service`,
        `Give the token a policy with service_prefix read and node_prefix read; ${KEEPS}`,
      );

/** An answer lost entries, and nothing changed that could have removed them. */
export const seesLess = (query: string, lost: number, count: number): AppError =>
  unseen(
    `Cannot believe Consul's answer to "${query}" as ${lost} of ${count} entries are gone from it although nothing changed: the token's policy sees less than before`,
    `Widen the token's policy again, with service_prefix, node_prefix and key_prefix read; ${KEEPS}`,
  );

export const seesNoKey = (query: string, lost: string): AppError =>
  unseen(
    `Cannot believe Consul's answer to "${query}" as the token may not read ${lost}`,
    `Give the token a policy with key_prefix read; ${KEEPS}`,
  );

const unseen = (message: string, hint: string): AppError =>
  new AppError("CONSUL_UNSEEN", message, { hint });

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => JSON.stringify(name));
  return names.length > MOST_NAMES ? `${shown.join(", ")} …` : shown.join(", ");
}
