import type { AppError } from "../../errors.ts";

/**
 * Counts the connections that blocking queries lost. Each of them may mean that Consul was started anew, and then what any
 * query has seen counts for nothing.
 */
export interface LostConnections {
  /**
   * Notes that a query failed.
   *
   * @param failures attempts that failed in a row: only the first is of a connection that there was
   */
  note(error: AppError, failures: number): void;
  count(): number;
}

export function createLostConnections(): LostConnections {
  let count = 0;
  return {
    note(error, failures) {
      if (failures === 1 && isOfConnection(error)) count += 1;
    },
    count: () => count,
  };
}

/** Whether the system said so, such as ECONNRESET, and not Consul or a bound of our own. */
function isOfConnection({ cause }: AppError): boolean {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^E[A-Z]+$/.test(code);
}
