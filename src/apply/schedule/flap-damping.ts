import type { Instance } from "../../catalog/instance.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/** When an instance flaps, and for how long it is then left alone. Times in milliseconds. */
export interface FlapDampingRules {
  /** So many changes of health … */
  readonly flaps: number;
  /** … within this time. */
  readonly within: number;
  /** How long it must keep still before it takes part again. */
  readonly quiet: number;
}

/** An instance that is left out because it flaps. */
export interface DampedInstance {
  readonly service: string;
  readonly instance: string;
  readonly node: string;
}

/** Keeps instances that flap out of service until they are quiet. */
export interface FlapDamping {
  /**
   * The snapshot with the instances that flap shown as critical. A service never loses its last passing
   * instance by that.
   */
  damped(snapshot: Snapshot, nowMs: number): Snapshot;
  list(): readonly DampedInstance[];
  /** When the next instance may take part again, in the clock of `nowMs`. */
  endsAtMs(): number | undefined;
}

/** One instance as one query sees it. */
interface Track extends DampedInstance {
  readonly isPassing: boolean;
  /** When its health changed lately. */
  readonly changesMs: readonly number[];
  /** Until when it is damped, if it is. */
  readonly untilMs: number | undefined;
}

interface Followed {
  readonly answer: readonly Instance[];
  readonly tracks: ReadonlyMap<string, Track>;
  /** The answer as it is shown, while the same instances are damped. */
  readonly shown: { readonly names: string; readonly answer: readonly Instance[] };
}

/** @param onChange told when an instance begins or ceases to be damped */
export function createFlapDamping(
  rules: FlapDampingRules,
  onChange: (it: DampedInstance, isDamped: boolean) => void,
): FlapDamping {
  const followed = new Map<string, Followed>();
  let latest: Snapshot | undefined;

  return {
    damped(snapshot, nowMs) {
      release(nowMs);
      // What was shown once stays: a snapshot never changes.
      const shown = new Map<string, AnswerValue>();
      const result: Snapshot = {
        ...snapshot,
        get<Q extends Query>(query: Q) {
          const answer = snapshot.get(query);
          if (query.kind !== "service" || answer === undefined) return answer;
          const text = queryText(query);
          const known = shown.get(text);
          if (known !== undefined || latest !== result) return (known ?? answer) as AnswerValue<Q>;
          const value = show(text, answer as readonly Instance[], nowMs);
          shown.set(text, value);
          return value as AnswerValue<Q>;
        },
      };
      latest = result;
      return result;
    },
    list: () => dampedTracks().map(({ service, instance, node }) => ({ service, instance, node })),
    endsAtMs() {
      const times = dampedTracks().flatMap(({ untilMs }) => untilMs ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };

  function show(text: string, answer: readonly Instance[], nowMs: number): readonly Instance[] {
    const before = followed.get(text);
    const tracks = before?.answer === answer ? before.tracks : follow(before, answer, nowMs);
    const names = [...tracks].flatMap(([name, it]) => (it.untilMs === undefined ? [] : [name]));
    const key = JSON.stringify(names);
    const isShown = before?.answer === answer && before.shown.names === key;
    const shown = isShown ? before.shown : { names: key, answer: without(answer, new Set(names)) };
    followed.set(text, { answer, tracks, shown });
    return shown.answer;
  }

  function follow(
    before: Followed | undefined,
    answer: readonly Instance[],
    nowMs: number,
  ): ReadonlyMap<string, Track> {
    return new Map(
      answer.map((it) => [nameOf(it), nextTrack(before?.tracks.get(nameOf(it)), it, nowMs)]),
    );
  }

  function nextTrack(was: Track | undefined, instance: Instance, nowMs: number): Track {
    const isPassing = instance.status === "passing";
    const isChanged = was !== undefined && was.isPassing !== isPassing;
    const recent = (was?.changesMs ?? []).filter((ms) => nowMs - ms < rules.within);
    const changesMs = isChanged ? [...recent, nowMs] : recent;
    const flaps = was?.untilMs !== undefined || changesMs.length >= rules.flaps;
    const untilMs = isChanged && flaps ? nowMs + rules.quiet : was?.untilMs;
    const { name: service, id, node } = instance;
    const track = { service, instance: id, node, isPassing, changesMs, untilMs };
    if (was?.untilMs === undefined && untilMs !== undefined) onChange(track, true);
    return track;
  }

  function release(nowMs: number): void {
    for (const [text, { answer, tracks, shown }] of followed) {
      const isOver = ({ untilMs }: Track) => untilMs !== undefined && untilMs <= nowMs;
      if (![...tracks.values()].some(isOver)) continue;
      const left = [...tracks].map(([name, it]): [string, Track] => {
        if (!isOver(it)) return [name, it];
        onChange(it, false);
        return [name, { ...it, changesMs: [], untilMs: undefined }];
      });
      followed.set(text, { answer, tracks: new Map(left), shown });
    }
  }

  function dampedTracks(): readonly Track[] {
    return [...followed.values()].flatMap(({ tracks }) =>
      [...tracks.values()].filter(({ untilMs }) => untilMs !== undefined),
    );
  }
}

/** The answer with these shown as critical, unless nobody would be left. */
function without(answer: readonly Instance[], names: ReadonlySet<string>): readonly Instance[] {
  if (names.size === 0) return answer;
  const isLeft = answer.some((it) => it.status === "passing" && !names.has(nameOf(it)));
  if (!isLeft) return answer;
  return answer.map((it) => (names.has(nameOf(it)) ? { ...it, status: "critical" } : it));
}

const nameOf = ({ datacenter, node, id }: Instance): string => `${datacenter}/${node}/${id}`;
