import { allOf, type Suspect } from "./suspects.ts";
import type { Culprit, CulpritsFound, NamedPart, Refusal, Verdict } from "./verdict.ts";

export interface CulpritSearch {
  /** What may have brought the fault. */
  readonly suspects: readonly Suspect[];
  /** The verdict on the candidate with all of them. */
  readonly first: Refusal;
  /** Tries the candidate without these parts. */
  readonly judge: (without: ReadonlySet<string>) => Promise<Verdict>;
  /** Whether the time for this search is over. */
  readonly isOver: () => boolean;
  /** Whether the template may be at fault: it is not the one of what is live. */
  readonly mayBeTemplate: boolean;
}

/** Orders to let suspects in: what comes together in a list is often alike. */
const OTHER_ORDERS: readonly ((all: readonly Suspect[]) => readonly Suspect[])[] = [
  (all) => rotated(all, 1 / 2),
  (all) => all.toReversed(),
  (all) => rotated(all, 1 / 4),
];

function rotated(all: readonly Suspect[], share: number): readonly Suspect[] {
  const start = Math.floor(all.length * share);
  return [...all.slice(start), ...all.slice(0, start)];
}

/** So many suspects are tried one by one as a check names them; with more, all are taken out at once. */
const NAMED_ONE_BY_ONE = 3;
/** So many culprits that a check names in one block of suspects are taken out one by one; then the block is divided. */
const NAMED_IN_A_BLOCK = 8;

/**
 * Finds the suspects whose data makes a candidate fail.
 *
 * The line that a check names shows the part at once. Where that does not help, all suspects are taken out in one
 * try and let in again by halves: what fails alone is a culprit. A bad part costs about one try where it is named, and a
 * few where it is not. When the time is over, what was not tried stays out for now.
 *
 * @returns `undefined` when the fault is not the suspects': the candidate fails without them as well, or they all fail
 */
export async function findCulprits(search: CulpritSearch): Promise<CulpritsFound | undefined> {
  const { isOver, mayBeTemplate } = search;
  const known = allOf(search.suspects);
  const culprits = new Map<string, Culprit>();
  const untried: Suspect[] = [];
  /** The suspects that are out now, by canonical text. */
  const out = new Set<string>();
  const placesSeen = new Map<string, number>();

  const named = await followNames();
  if (named === "template") return undefined;
  if (named === "found") return result();
  const rest = search.suspects.filter(({ text }) => !culprits.has(text));
  for (const { text } of rest) out.add(text);
  const verdict = await search.judge(out);
  if (!verdict.isOk || !(await admit(rest))) return undefined;
  await tryOtherOrders();
  return result();

  /** A template that nothing goes well with is at fault itself. */
  function result(): CulpritsFound | undefined {
    const isAnyIn = search.suspects.some(
      ({ text, within }) =>
        !out.has(text) && (within.length === 0 || within.some((it) => !out.has(it.text))),
    );
    if (!mayBeTemplate || isAnyIn) return { culprits: [...culprits.values()], untried };
    // The time was over before anything was in: what the check named stays found, and the next search goes on from there.
    const named = [...culprits.values()].filter(({ isNamed }) => isNamed);
    return untried.length > 0 && named.length > 0 ? { culprits: named, untried: [] } : undefined;
  }

  /**
   * Where it takes two to fail, such as a long name and any other, the order of letting in decides which one is accused. When most
   * were accused that no check named, they are let in again in another order: the one with the fewest culprits counts.
   */
  async function tryOtherOrders(): Promise<void> {
    const isNamedOnly = [...culprits.values()].every(({ isNamed }) => isNamed);
    for (const reorder of isNamedOnly ? [] : OTHER_ORDERS) {
      if (isOver() || culprits.size * 2 <= rest.length) return;
      const best = { culprits: new Map(culprits), out: new Set(out), untried: [...untried] };
      for (const [text, { isNamed }] of best.culprits) {
        if (!isNamed) culprits.delete(text);
      }
      const again = rest.filter(({ text }) => !culprits.has(text));
      replaceAll(out, [...culprits.keys(), ...again.map(({ text }) => text)]);
      untried.length = 0;
      if ((await admit(reorder(again))) && culprits.size < best.culprits.size) continue;
      culprits.clear();
      for (const [text, culprit] of best.culprits) culprits.set(text, culprit);
      replaceAll(out, best.out);
      untried.splice(0, untried.length, ...best.untried);
    }
  }

  /** Takes out the first few as the check names them; of several on one line all, until the rest is accepted. */
  async function followNames(): Promise<"found" | "template" | "lost"> {
    let refusal: Refusal = search.first;
    const doubtful: Suspect[] = [];
    for (let i = 0; i < NAMED_ONE_BY_ONE; i += 1) {
      if (accuseNamed(refusal)) {
        if (await isTemplates(refusal)) return "template";
      } else {
        const several = severalNamed(refusal, search.suspects).filter(({ text }) => !out.has(text));
        if (several.length === 0) return "lost";
        doubtful.push(...several);
        for (const { text } of several) out.add(text);
      }
      const verdict = await search.judge(out);
      if (verdict.isOk) return (await admit(doubtful)) ? "found" : "template";
      refusal = verdict;
    }
    return "lost";
  }

  /** Lets suspects in that are out, as far as the candidate is accepted then. Returns whether they are to blame at all. */
  async function admit(block: readonly Suspect[]): Promise<boolean> {
    let left = block;
    for (let tries = 1; ; tries += 1) {
      if (left.length === 0) return true;
      if (isOver()) {
        untried.push(...left);
        return true;
      }
      const verdict = await search.judge(outBut(left));
      if (verdict.isOk) {
        for (const { text } of left) out.delete(text);
        return true;
      }
      if (!accuseNamed(verdict, left)) return await divide(left, verdict);
      if (await isTemplates(verdict)) return false;
      left = left.filter(({ text }) => !culprits.has(text));
      // By halves, so that something is in when the time is over.
      if (tries >= NAMED_IN_A_BLOCK && left.length > 1) return await halve(left);
    }
  }

  async function divide(block: readonly Suspect[], refusal: Refusal): Promise<boolean> {
    const [only] = block;
    if (block.length === 1 && only !== undefined) return await narrow(only, refusal);
    const named = severalNamed(refusal, block);
    if (named.length > 0 && named.length < block.length) {
      const others = block.filter((it) => !named.includes(it));
      return (await admit(others)) && (await admit(named));
    }
    return await halve(block);
  }

  async function halve(block: readonly Suspect[]): Promise<boolean> {
    const middle = Math.ceil(block.length / 2);
    return (await admit(block.slice(0, middle))) && (await admit(block.slice(middle)));
  }

  /** A suspect that fails alone: of a service one of its instances may be at fault. */
  async function narrow(suspect: Suspect, refusal: Refusal): Promise<boolean> {
    const within = suspect.within.filter(({ text }) => !out.has(text));
    if (within.length > 1) {
      if (isOver()) {
        untried.push(suspect);
        return true;
      }
      for (const { text } of within) out.add(text);
      const verdict = await search.judge(outBut([suspect]));
      if (verdict.isOk) {
        out.delete(suspect.text);
        return await admit(within);
      }
      for (const { text } of within) out.delete(text);
    }
    accuse(suspect, refusal);
    return !(await isTemplates(refusal));
  }

  /** Accuses the suspect that a refusal names, if it names one, and one of `among`. */
  function accuseNamed(refusal: Refusal, among?: readonly Suspect[]): boolean {
    const named = namedIn(refusal, among);
    if (named.length === 0 || (named.length > 1 && refusal.isEach !== true)) return false;
    for (const it of named) accuse(known.get(it.text), refusal, it);
    return true;
  }

  /** What a refusal names of the suspects, or of `among`. */
  function namedIn({ named }: Refusal, among?: readonly Suspect[]): readonly NamedPart[] {
    const texts = among && new Set(allOf(among).keys());
    return named
      .flatMap((it) => {
        const { within = [], ...rest } = it;
        return known.has(it.text) ? [it] : within.map((text) => ({ ...rest, text }));
      })
      .filter(({ text }) => known.has(text) && !culprits.has(text) && texts?.has(text) !== false);
  }

  /** The suspects of `among` of which a refusal names several, so that one of them may be at fault. */
  function severalNamed(refusal: Refusal, among: readonly Suspect[]): readonly Suspect[] {
    const named = new Set(namedIn(refusal, among).map(({ text }) => text));
    return among.filter(
      (it) => named.has(it.text) || it.within.some(({ text }) => named.has(text)),
    );
  }

  function accuse(
    suspect: Suspect | undefined,
    { place, ...refusal }: Refusal,
    named?: NamedPart,
  ): void {
    if (suspect === undefined) return;
    const { field, reason = refusal.reason, hint = refusal.hint } = named ?? {};
    const isNamed = named !== undefined;
    culprits.set(suspect.text, {
      suspect,
      reason,
      hint,
      isNamed,
      ...(field === undefined ? {} : { field }),
    });
    out.add(suspect.text);
    if (place !== "") placesSeen.set(place, (placesSeen.get(place) ?? 0) + 1);
  }

  /** When a second part fails at one place of the template, a third one alone shows whether all do. */
  async function isTemplates({ place }: Refusal): Promise<boolean> {
    if (!mayBeTemplate || placesSeen.get(place) !== 2) return false;
    const third = search.suspects.find(
      (it) => !culprits.has(it.text) && !it.within.some(({ text }) => culprits.has(text)),
    );
    if (third === undefined) return false;
    const others = search.suspects.filter((it) => it !== third).map(({ text }) => text);
    const verdict = await search.judge(
      new Set([...out, ...others].filter((it) => it !== third.text)),
    );
    return !verdict.isOk && verdict.place === place;
  }

  function outBut(block: readonly Suspect[]): ReadonlySet<string> {
    const without = new Set(out);
    for (const { text } of block) without.delete(text);
    return without;
  }
}

function replaceAll(set: Set<string>, values: Iterable<string>): void {
  set.clear();
  for (const value of values) set.add(value);
}
