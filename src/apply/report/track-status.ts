import { queryText } from "../../catalog/query.ts";
import type { CatalogStore } from "../../catalog/store.ts";
import type { GenerationResult } from "../generation-result.ts";
import type { Gates } from "../loop/gates.ts";
import type { Renderer } from "../loop/renderer.ts";
import type { EventListener } from "../pipeline-events.ts";
import type { ProxyDriver } from "../proxy-driver.ts";
import type { ObservedProxy, PartStatus, ProxyStatus, ReconcileResult } from "../proxy-status.ts";
import type { Quarantined } from "../quarantine/quarantine.ts";
import type { ControlFile } from "../state/control.ts";
import type { LiveState } from "../state/live-state.ts";

/** What a status is made of beside what is reported. */
interface StatusParts {
  readonly proxy: { readonly name: string; readonly kind: ProxyStatus["kind"] };
  readonly state: Pick<LiveState, "live" | "isServed">;
  readonly store: Pick<CatalogStore, "failures" | "fallbackSince">;
  readonly driver: Pick<ProxyDriver, "draining">;
  readonly control: Pick<ControlFile, "now">;
  readonly renderer: Pick<Renderer, "inForce" | "list" | "templateFault">;
  readonly gates: Pick<Gates, "damped">;
}

/** Keeps what the events report, and gives it as the proxy's status. */
export function trackStatus(parts: StatusParts): EventListener & ObservedProxy {
  const { proxy, state, store, driver, control, renderer, gates } = parts;
  let result: ReconcileResult | "starting" = "starting";
  let asked: ReadonlyMap<string, unknown> = new Map();
  let waitingFor: readonly string[] = [];
  let problems: ProxyStatus["problems"] = [];
  let desired: ProxyStatus["desired"];
  let behindSinceMs: number | undefined;
  let held: ProxyStatus["held"];
  let lastError: ProxyStatus["lastError"];
  let retryAt: string | undefined;
  let pinnedQueries: readonly Extract<ProxyStatus["pinned"][number], { kind: "query" }>[] = [];

  return {
    waiting(missing) {
      waitingFor = [...missing.values()].map(queryText);
    },
    complete(rendered) {
      waitingFor = [];
      problems = rendered.problems;
      asked = rendered.asked;
      desired = { id: rendered.id };
      behindSinceMs = state.live?.id === rendered.id ? undefined : (behindSinceMs ?? Date.now());
    },
    templateRefused: (error) => refuse("refused", error.message, error.hint),
    held({ reason, forMs, isShadow }) {
      if (!isShadow) held = { reason, until: inFuture(forMs) };
    },
    letGo() {
      held = undefined;
    },
    pinned(queries) {
      pinnedQueries = queries.map(({ query, reason, hint }) => ({
        kind: "query",
        query,
        reason,
        hint,
        since: pinnedQueries.find((it) => it.query === query)?.since ?? inFuture(0),
      }));
    },
    applied(generation, result) {
      retryAt = undefined;
      noteOutcome(result);
      if (result.kind === "live" && generation.id === desired?.id) behindSinceMs = undefined;
    },
    resumed: (_, result) => noteOutcome(result),
    willRetry(inMs) {
      retryAt = inFuture(inMs);
    },
    reconciled(now) {
      result = now;
      if (now !== "live" && now !== "unchanged") return;
      held = undefined;
      lastError = undefined;
      retryAt = undefined;
    },
    status,
  };

  function status(): ProxyStatus {
    const { live } = state;
    const fallbackSince = store.fallbackSince()?.toISOString();
    const fault = renderer.templateFault();
    const quarantined = renderer.list();
    return {
      name: proxy.name,
      kind: proxy.kind,
      result,
      control: control.now(),
      ...(live === undefined ? {} : { live: { number: live.number, id: live.id, at: live.at } }),
      isServed: live !== undefined && state.isServed(live.id),
      ...(desired === undefined ? {} : { desired }),
      lagMs: behindSinceMs === undefined ? 0 : Date.now() - behindSinceMs,
      waitingFor,
      ...(held === undefined ? {} : { held }),
      leftOut: quarantined.filter(({ isPinned }) => !isPinned).map(toPartStatus),
      pinned: [
        ...quarantined.filter(({ isPinned }) => isPinned).map(toPartStatus),
        ...pinnedQueries,
      ],
      damped: gates.damped(),
      disconnected: disconnected(),
      ...(fallbackSince === undefined ? {} : { fallbackSince }),
      sharedAddresses: renderer.inForce.sharedAddresses(),
      draining: driver.draining(),
      problems,
      ...(fault === undefined
        ? {}
        : { templateFault: { message: fault.message, hint: fault.hint } }),
      ...(lastError === undefined ? {} : { lastError }),
      ...(retryAt === undefined ? {} : { retryAt }),
    };
  }

  function disconnected(): ProxyStatus["disconnected"] {
    return [...store.failures()]
      .filter(([query]) => asked.has(query) || waitingFor.includes(query))
      .map(([query, { message, hint }]) => ({ query, reason: message, hint }));
  }

  function noteOutcome(result: GenerationResult): void {
    if (result.kind === "refused") refuse("refused", result.output, result.hint);
    if (result.kind === "failed") refuse("failed", result.error.message, result.error.hint);
  }

  function refuse(how: "refused" | "failed", message: string, hint: string): void {
    lastError = { result: how, message, hint, at: inFuture(0) };
  }
}

const inFuture = (ms: number): string => new Date(Date.now() + ms).toISOString();

const toPartStatus = ({ part, field, reason, hint, sinceMs }: Quarantined): PartStatus => ({
  ...part,
  ...(field === undefined ? {} : { field }),
  reason,
  hint,
  since: new Date(sinceMs).toISOString(),
});
