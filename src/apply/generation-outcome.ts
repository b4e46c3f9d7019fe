import type { AppError } from "../errors.ts";
import type { Generation, Proof } from "./proxy-driver.ts";

/** The generation that rendered files are, and how they stand to what is on disk. */
export interface Plan {
  readonly generation: Generation;
  /** The same bytes are in place already. */
  readonly isInPlace: boolean;
  /** Files of the live generation that this one has no more. */
  readonly removed: readonly string[];
}

/** How an attempt to make a generation live ended, with the time of each step in milliseconds. */
export type Outcome =
  | {
      readonly fate: "live";
      readonly proof: Proof;
      /** The proxy served these very files before: nothing was done. */
      readonly wasLive: boolean;
      readonly timings: Timings;
    }
  | {
      readonly fate: "refused";
      readonly output: string;
      readonly hint: string;
      /** The line of the candidate that the check names. */
      readonly at?: { readonly path: string; readonly line: number };
      readonly timings: Timings;
    }
  | {
      readonly fate: "failed";
      readonly error: AppError;
      /**
       * What is in place now: what was there and was never touched, the previous files put back, or the
       * new ones as nothing runs that could serve either.
       */
      readonly inPlace: "untouched" | "previous" | "new";
      /** Whether the proxy was proved to serve what is in place; says nothing of what was never touched. */
      readonly isServed: boolean;
      readonly timings: Timings;
    };

export type Timings = Readonly<Record<string, number>>;
