import type { AppError } from "../../errors.ts";

/**
 * Counts what may mean that Consul lost its history, and then the indexes that any query has seen count for nothing: that a
 * blocking query lost its connection, or that its index went backwards.
 */
export interface IndexResets {
  /**
   * Notes that a query failed. Only a lost connection counts.
   *
   * @param failures attempts that failed in a row: only the first is of a connection that there was
   */
  note(error: AppError, failures: number): void;
  /** Notes that an index went backwards. */
  wentBack(): void;
  count(): number;
}

export function createIndexResets(): IndexResets {
  let count = 0;
  return {
    note(error, failures) {
      if (failures === 1 && isOfConnection(error)) count += 1;
    },
    wentBack() {
      count += 1;
    },
    count: () => count,
  };
}

/** Whether the system said so, such as ECONNRESET, and not Consul or a bound of our own. */
function isOfConnection({ cause }: AppError): boolean {
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^E[A-Z]+$/.test(code);
}
