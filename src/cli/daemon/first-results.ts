import type { ReconcileResult } from "../../apply/proxy-status.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";

/** The first final result of each proxy, for `--once`. */
export interface FirstResults {
  note(proxy: string, result: ReconcileResult): void;
  /** Resolves once every proxy has a result. */
  readonly complete: Promise<"complete">;
  /** Whether every proxy has a result, and serves what is desired. */
  areLive(): boolean;
}

export function collectFirstResults(proxies: readonly ProxyConfig[]): FirstResults {
  const results = new Map<string, ReconcileResult>();
  let finish: (event: "complete") => void = () => undefined;
  const complete = new Promise<"complete">((resolve) => {
    finish = resolve;
  });
  return {
    complete,
    note(proxy, result) {
      const isFinal = result !== "waiting" && result !== "superseded";
      if (isFinal && !results.has(proxy)) results.set(proxy, result);
      if (results.size === proxies.length) finish("complete");
    },
    areLive: () =>
      results.size === proxies.length &&
      [...results.values()].every((it) => it === "live" || it === "unchanged"),
  };
}
