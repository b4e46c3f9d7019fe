import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { ServiceFault } from "../../template/provenance/blame.ts";

/** Why a service is left out, and until when. */
interface Quarantined extends ServiceFault {
  /** Whether the proxy's check found it: what that depends on, such as DNS, may change by itself. */
  readonly byCheck: boolean;
}

/** The services that are left out of one proxy's renders, each until its data changes. */
export interface Quarantine {
  readonly leftOut: ReadonlySet<string>;
  list(): readonly Quarantined[];
  /** Leaves services out from now on. `asked` are the queries of the render that they spoilt. */
  add(
    faults: readonly ServiceFault[],
    from: {
      readonly snapshot: Snapshot;
      readonly asked: Asked;
      readonly byCheck: boolean;
      readonly nowMs: number;
    },
  ): void;
  /** Lets back in who may come: changed data, or time for another try. */
  release(snapshot: Snapshot, nowMs: number): readonly Released[];
  /** Lets all back in, such as for another template. */
  clear(): void;
  /** The queries about those left out: they go on being asked, so that a change is seen. */
  queries(): Asked;
  /** When the next try is due, in the clock of `nowMs`. */
  nextTryAtMs(): number | undefined;
}

/** A service that is let back in. */
export interface Released {
  readonly service: string;
  /** Its data changed; else it is only time for another try. */
  readonly isChanged: boolean;
}

type Asked = ReadonlyMap<string, Query>;

interface Entry {
  readonly fault: Quarantined;
  readonly queries: readonly Query[];
  readonly answers: readonly (AnswerValue | undefined)[];
  readonly tryAtMs: number | undefined;
}

const FIRST_TRY_MS = 60_000;
const LAST_TRY_MS = 600_000;

function queriesAbout(service: string, asked: Asked): readonly Query[] {
  const all = [...asked.values()];
  const own = all.filter((it) => "name" in it && it.name === service);
  return own.length > 0 ? own : all.filter(({ kind }) => kind === "services");
}

export function createQuarantine(): Quarantine {
  const entries = new Map<string, Entry>();
  /** How long the last wait was, for services that were tried again. */
  const waits = new Map<string, number>();

  return {
    get leftOut() {
      return new Set(entries.keys());
    },
    list: () => [...entries.values()].map(({ fault }) => fault),
    add(faults, { snapshot, asked, byCheck, nowMs }) {
      for (const fault of faults) {
        const queries = queriesAbout(fault.service, asked);
        const waitMs = Math.min((waits.get(fault.service) ?? FIRST_TRY_MS / 2) * 2, LAST_TRY_MS);
        if (byCheck) waits.set(fault.service, waitMs);
        entries.set(fault.service, {
          fault: { ...fault, byCheck },
          queries,
          answers: queries.map((query) => snapshot.get(query)),
          tryAtMs: byCheck ? nowMs + waitMs : undefined,
        });
      }
    },
    release(snapshot, nowMs) {
      const released: Released[] = [];
      for (const [service, { queries, answers, tryAtMs }] of entries) {
        const isChanged = queries.some((query, i) => snapshot.get(query) !== answers[i]);
        if (!isChanged && (tryAtMs === undefined || nowMs < tryAtMs)) continue;
        entries.delete(service);
        if (isChanged) waits.delete(service);
        released.push({ service, isChanged });
      }
      return released;
    },
    clear() {
      entries.clear();
      waits.clear();
    },
    queries: () =>
      new Map(
        [...entries.values()].flatMap(({ queries }) => queries.map((it) => [queryText(it), it])),
      ),
    nextTryAtMs() {
      const times = [...entries.values()].flatMap(({ tryAtMs }) => tryAtMs ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };
}
