import type { AppError } from "../../errors.ts";

/**
 * Counts the events after which Consul may have lost its history, so that the indexes which any query has seen no longer
 * count: a blocking query lost its connection, or its index went backwards.
 */
export interface IndexResets {
  /**
   * Notes that a query failed. Only a lost connection counts.
   *
   * @param failures attempts that failed in a row: only the first one can have lost a connection
   */
  failed(error: AppError, failures: number): void;
  /** Notes that an index went backwards. */
  wentBackwards(): void;
  count(): number;
}

export function createIndexResets(): IndexResets {
  let count = 0;
  return {
    failed(error, failures) {
      if (failures === 1 && isLostConnection(error)) count += 1;
    },
    wentBackwards() {
      count += 1;
    },
    count: () => count,
  };
}

/** Whether the operating system reported it, such as ECONNRESET, and not Consul or a limit of our own. */
function isLostConnection({ cause }: AppError): boolean {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^E[A-Z]+$/.test(code);
}
