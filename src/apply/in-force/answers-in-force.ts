import { isDeepStrictEqual } from "node:util";
import type { Instance, ServiceSummary } from "../../catalog/instance.ts";
import { type Element, elementsOf } from "../../catalog/part.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import type { PinnedAnswer } from "../state/pinned-answers.ts";
import { createAddressClaims, type SharedAddress } from "./address-claims.ts";
import { type EffectiveAnswers, effectiveAnswers } from "./effective-answers.ts";
import { createLingeringServices, type LingeringService } from "./lingering-services.ts";

/**
 * The answers in force of one proxy: per query the newest answer with which its files rendered, passed the check and
 * went live. What a render falls back on where the newest answer is unusable.
 */
export interface AnswersInForce {
  /** The answer in force, or the one that an earlier run left; `undefined` where there never was one. */
  get(query: Query): AnswerValue | undefined;
  /** Whether a part is in force with this data. */
  has(query: Query, text: string, element: Element): boolean;
  /** Whether any of a part was ever in force in the answer to `query`. */
  knows(query: Query, text: string): boolean;
  /** What a render uses now. */
  effective(newest: Snapshot, options: EffectiveOptions): RenderAnswers;
  /**
   * Notes that a generation went live that was made from these answers.
   *
   * @param rendered.removed queries whose answer is empty, of which the files have what was in force
   */
  wentLive(
    used: EffectiveAnswers,
    rendered: {
      readonly asked: ReadonlyMap<string, Query>;
      readonly removed: ReadonlyMap<string, Query>;
    },
  ): void;
  /** What is in force, and older than the newest answer. */
  pinned(): readonly PinnedAnswer[];
  /** Services that were deregistered, and whose routes are kept for a while. */
  lingering(): readonly LingeringService[];
  /** Addresses that more than one service is registered at. */
  sharedAddresses(): readonly SharedAddress[];
  /** The queries of the live generation. */
  asked(): ReadonlyMap<string, Query>;
  /** Older data of a part is not used any more: it was found at fault too. */
  drop(text: string): void;
  isDropped(text: string): boolean;
  /** Forgets which parts are dropped, such as for other templates. */
  clear(): void;
}

interface EffectiveOptions {
  /** Whether what was lost is kept. */
  readonly isHeld: boolean;
  /** Parts that are left out as well, by canonical text. */
  readonly without?: ReadonlySet<string>;
  readonly isFailing: (text: string) => boolean;
}

/** Answers to render from, and the services that are left out as if they were not registered. */
export interface RenderAnswers extends EffectiveAnswers {
  readonly leftOut: ReadonlySet<string>;
}

/** What answers in force are made with. */
export interface InForceParts {
  readonly quarantine: Pick<Quarantine, "concerns" | "has" | "list">;
  /** What an earlier run left of the answer to a query. */
  readonly earlier: (query: Query) => AnswerValue | undefined;
  /** How long routes of a service that was deregistered are kept, in milliseconds. */
  readonly lingerMs: number;
  /** Services that lingered in an earlier run. */
  readonly lingered: readonly LingeringService[];
  /** Whether the guard asks for a least number of passing instances of a service. */
  readonly hasMinimum: (service: string) => boolean;
}

export function createAnswersInForce({
  quarantine,
  earlier,
  lingerMs,
  lingered,
  hasMinimum,
}: InForceParts): AnswersInForce {
  let answers: ReadonlyMap<string, AnswerValue> = new Map();
  let liveAsked: ReadonlyMap<string, Query> = new Map();
  const dropped = new Set<string>();
  const composed = new Map<string, readonly Element[]>();
  const lingering = createLingeringServices(lingerMs, lingered);
  const claims = createAddressClaims();
  let claimsOf: Snapshot | undefined;
  let pinned: readonly PinnedAnswer[] = [];

  return {
    get,
    knows,
    has(query, text, element) {
      const known = elementIn(query, text);
      return known !== undefined && (known === element || isDeepStrictEqual(known, element));
    },
    effective(newest, { isHeld, without, isFailing }) {
      const used = effectiveAnswers({
        newest,
        inForce: get,
        quarantine,
        hasMinimum,
        ...(without === undefined ? {} : { without }),
        dropped,
        isHeld,
        isFailing,
        isAnothers(instance) {
          if (claimsOf !== newest) claims.update(newest, liveAsked.values());
          claimsOf = newest;
          return claims.isAnothers(instance);
        },
        composed,
      });
      const list = { kind: "services" } as const;
      lingering.update(used.get(list), {
        before: get(list) as readonly ServiceSummary[] | undefined,
        instancesOf: (name) => get({ kind: "service", name }) as readonly Instance[] | undefined,
        nowMs: Date.now(),
      });
      return {
        ...used,
        lingering: lingering.instances(),
        lastInForce: get,
        leftOut: servicesOut(newest, without),
      };
    },
    wentLive(used, { asked, removed }) {
      const now = new Map<string, AnswerValue>();
      const older: PinnedAnswer[] = [];
      for (const [text, query] of asked) {
        const value = removed.has(text) ? get(query) : used.get<Query>(query);
        if (value === undefined) continue;
        now.set(text, value);
        if (value !== used.newest.get<Query>(query)) older.push({ query, value });
      }
      answers = now;
      liveAsked = asked;
      pinned = older;
      claims.update(used.newest, asked.values());
      claimsOf = used.newest;
    },
    pinned: () => pinned,
    lingering: lingering.list,
    sharedAddresses: claims.shared,
    asked: () => liveAsked,
    drop: (text) => dropped.add(text),
    isDropped: (text) => dropped.has(text),
    clear: () => dropped.clear(),
  };

  function get(query: Query): AnswerValue | undefined {
    const text = queryText(query);
    return answers.has(text) ? answers.get(text) : earlier(query);
  }

  function elementIn(query: Query, text: string): Element | undefined {
    const answer = get(query);
    return answer === undefined ? undefined : elementsOf(query, answer).get(text);
  }

  function knows(query: Query, text: string): boolean {
    return elementIn(query, text) !== undefined;
  }

  /** Services that are out as a whole, or in all of their instances, and of which nothing is in force. */
  function servicesOut(newest: Snapshot, without?: ReadonlySet<string>): ReadonlySet<string> {
    const out = new Set<string>();
    const instances = new Set<string>();
    const parts = [...quarantine.list().map(({ part }) => part), ...(without ?? [])];
    for (const part of parts) {
      const [kind, service] = typeof part === "string" ? fromText(part) : fromPart(part);
      if (kind === "service" && !isInForce(service)) out.add(service);
      if (kind === "instance") instances.add(service);
    }
    for (const service of instances) {
      if (!out.has(service) && !isInForce(service) && isAllOut(service, newest, without))
        out.add(service);
    }
    return out;
  }

  function isInForce(service: string): boolean {
    const answer = get({ kind: "service", name: service });
    return answer !== undefined && (answer as readonly Instance[]).length > 0;
  }

  function isAllOut(service: string, newest: Snapshot, without?: ReadonlySet<string>): boolean {
    const query = { kind: "service", name: service } as const;
    const all = elementsOf(query, newest.get(query) ?? []);
    if (all.size === 0) return false;
    return [...all].every(
      ([text, element]) => without?.has(text) === true || quarantine.has(text, element),
    );
  }
}

const fromPart = (
  part: ReturnType<Quarantine["list"]>[number]["part"],
): readonly [string, string] =>
  part.kind === "instance" || part.kind === "service" ? [part.kind, part.service] : [part.kind, ""];

/** The kind and the service of a part's canonical text. */
function fromText(text: string): readonly [string, string] {
  const [kind = "", ...rest] = JSON.parse(text) as readonly string[];
  if (kind === "service") return [kind, rest[0] ?? ""];
  return [kind, kind === "instance" ? (rest[2] ?? "") : ""];
}
