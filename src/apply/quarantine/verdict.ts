import type { Suspect } from "./suspects.ts";

/** What a try of a candidate came to. */
export type Verdict =
  | { readonly isOk: true }
  | {
      readonly isOk: false;
      /** The proxy's own words, or the render's. */
      readonly reason: string;
      readonly hint: string;
      /** The parts whose data is at the place that was named, by canonical text; empty where none was named. */
      readonly named: readonly NamedPart[];
      /** Each of the named parts fails for a reason of its own: so a render says it. */
      readonly isEach?: boolean;
      /** The template has a fault of its own as well, which `reason` says. */
      readonly isOfTemplate?: boolean;
      /** The template's place, unique in the template; empty where none was named. */
      readonly place: string;
    };

export interface NamedPart {
  readonly text: string;
  /** Where the part is no suspect as a whole: those parts of it that the place is about. */
  readonly within?: readonly string[];
  readonly field?: string;
  /** Why, where each part has a reason of its own. */
  readonly reason?: string;
  readonly hint?: string;
}

/** A part whose data makes candidates fail, with why. */
export interface Culprit {
  readonly suspect: Suspect;
  readonly field?: string;
  readonly reason: string;
  readonly hint: string;
  /** Whether a check or a render named it; else it was found by trying. */
  readonly isNamed: boolean;
}

/** What the search found. */
export interface CulpritsFound {
  readonly culprits: readonly Culprit[];
  /** Suspects that there was no time to try: they are left out for now. */
  readonly untried: readonly Suspect[];
}

/** A candidate that failed. */
export type Refusal = Extract<Verdict, { isOk: false }>;
