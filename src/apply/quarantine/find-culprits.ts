import type { LineOrigin, ServiceFault } from "../../template/provenance/blame.ts";
import type { CheckResult } from "../proxy-driver.ts";

type Refusal = Omit<Extract<CheckResult, { ok: false }>, "ok">;

/** How candidates without some services are tried. */
export interface CulpritSearch {
  /** Services of the render that was refused. */
  readonly services: readonly string[];
  /** Whether a service may have brought the fault; one that went live before as it is now has not. */
  readonly isSuspect?: (service: string) => boolean;
  /** The refusal of the render with all of them. */
  readonly refusal: Refusal;
  /** Renders without `leftOut` and asks the proxy's own binary. */
  check(leftOut: ReadonlySet<string>): Promise<CheckResult>;
  /** Where the line that a check named comes from, in a render without `leftOut`. */
  origin(refusal: Refusal, leftOut: ReadonlySet<string>): LineOrigin | undefined;
}

/** What the search found. */
export interface Culprits {
  readonly faults: readonly ServiceFault[];
  /** Whether the check accepts the candidate without them. */
  readonly isWell: boolean;
}

/**
 * Finds the services whose data makes a check refuse. The line that the check names tells the service; where
 * it names none, halving does. After at most 4·log2(n) + 8 checks it stops with what it has.
 *
 * @returns `undefined` when the fault is the template's: then no service is to blame
 */
export async function findCulprits(search: CulpritSearch): Promise<Culprits | undefined> {
  const { services, isSuspect = () => true } = search;
  const isAnySuspect = services.some(isSuspect);
  const found = new Map<string, ServiceFault & { readonly place: string }>();
  let left = 4 * Math.ceil(Math.log2(services.length + 1)) + 8;
  let refusal = search.refusal;
  for (;;) {
    const out = new Set(found.keys());
    const origin = search.origin(refusal, out);
    const named = origin?.subject;
    // Who claims what is another's, such as the name of an upstream, may have the other's line named.
    const isTold = named !== undefined && (!isAnySuspect || isSuspect(named.service));
    const service = (isTold ? undefined : await halve(out)) ?? named?.service;
    if (service === undefined || out.has(service)) return undefined;
    const subject = named?.service === service ? named : undefined;
    const place = subject === undefined ? "" : (origin?.place ?? "");
    if (await isTemplates(place, out, service)) return undefined;
    const reason = origin === undefined ? refusal.output : `${refusal.output}\n${origin.excerpt}`;
    found.set(service, { ...subject, service, reason, hint: refusal.hint, place });
    if (found.size >= services.length) return undefined;
    const verdict = await ask(new Set(found.keys()));
    if (verdict === undefined) return { faults: [...found.values()].map(toFault), isWell: false };
    if (verdict.ok) return { faults: [...found.values()].map(toFault), isWell: true };
    refusal = verdict;
  }

  /** `undefined` once there have been checks enough. */
  async function ask(leftOut: ReadonlySet<string>): Promise<CheckResult | undefined> {
    if (left <= 0) return undefined;
    left -= 1;
    return await search.check(leftOut);
  }

  /** When a second service fails at one place of the template, a third one alone tells whether all do. */
  async function isTemplates(
    place: string,
    out: ReadonlySet<string>,
    service: string,
  ): Promise<boolean> {
    const same = [...found.values()].filter((it) => it.place === place);
    if (place === "" || same.length !== 1) return false;
    const third = services.find((it) => it !== service && !out.has(it));
    if (third === undefined) return true;
    const leftOut = new Set(services.filter((it) => it !== third));
    const verdict = await ask(leftOut);
    return verdict?.ok === false && search.origin(verdict, leftOut)?.place === place;
  }

  /**
   * A service whose presence makes the check refuse, though no line names it. Where it takes two, such as a
   * long name and any other, only one order of trying leads to the one without which all is well.
   */
  async function halve(out: ReadonlySet<string>): Promise<string | undefined> {
    const rest = services.filter((it) => !out.has(it));
    // With those last that may have brought the fault, they are the ones with which it begins.
    const suspects = [...rest.filter((it) => !isSuspect(it)), ...rest.filter(isSuspect)];
    const without = await ask(new Set(services));
    if (without?.ok !== true) return undefined;
    let found: string | undefined;
    for (const order of [suspects, suspects.toReversed()]) {
      const suspect = await firstBad(order, out);
      found ??= suspect;
      if (suspect === undefined) continue;
      const verdict = await ask(new Set([...out, suspect]));
      if (verdict?.ok === true) return suspect;
    }
    return found;
  }

  /** The service of `order` with which the check begins to refuse. */
  async function firstBad(
    order: readonly string[],
    out: ReadonlySet<string>,
  ): Promise<string | undefined> {
    // With the first `good` services all is well, with the first `bad` it is not.
    let good = 0;
    let bad = order.length;
    while (bad - good > 1) {
      const middle = Math.ceil((good + bad) / 2);
      const verdict = await ask(new Set([...out, ...order.slice(middle)]));
      if (verdict === undefined) return undefined;
      if (verdict.ok) good = middle;
      else bad = middle;
    }
    return order[good];
  }
}

function toFault({
  place: _place,
  ...fault
}: ServiceFault & { readonly place: string }): ServiceFault {
  return fault;
}
