import type { AppError } from "../errors.ts";
import type { Generation, Proof } from "./proxy-driver.ts";

/** The generation that rendered files are, and how they stand to what is on disk. */
export interface Plan {
  readonly generation: Generation;
  /** The same bytes are in place already. */
  readonly isInPlace: boolean;
  /** It is not known what the proxy serves, whatever it reports: it must reload. */
  readonly owesReload: boolean;
  /** Files of the live generation that this one has no more. */
  readonly removed: readonly string[];
}

/** How an attempt to make a generation live ended, with the time of each step in milliseconds. */
export type GenerationResult =
  | {
      readonly kind: "live";
      readonly proof: Proof;
      /** The proxy served these very files before: nothing was done. */
      readonly wasLive: boolean;
      /** Files that were written in place, as they are mounted by themselves. */
      readonly inPlace?: readonly string[];
      readonly timings: Timings;
    }
  | {
      readonly kind: "refused";
      readonly output: string;
      readonly hint: string;
      /** The line of the candidate that the check names. */
      readonly at?: { readonly path: string; readonly line: number };
      readonly timings: Timings;
    }
  | {
      readonly kind: "failed";
      readonly error: AppError;
      /**
       * What is in place now: what was there and was never touched, the previous files put back, the new
       * ones as nothing runs that could serve either, or some of each, as they could not be put back.
       */
      readonly inPlace: "untouched" | "previous" | "new" | "mixed";
      /** Whether the proxy was proved to serve what is in place; says nothing of what was never touched. */
      readonly isServed: boolean;
      readonly timings: Timings;
    };

export type Timings = Readonly<Record<string, number>>;

/** A generation whose files were in place before others, with its proof if it was live. */
export type Previous = Generation & { readonly proof?: Proof | undefined };
