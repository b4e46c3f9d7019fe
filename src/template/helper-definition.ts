/** A helper as Handlebars calls it: the arguments, then its options. */
export type Helper = (this: unknown, ...args: unknown[]) => unknown;

/** A helper with all that `fairlead helpers` and the generated page say of it. */
export interface HelperDefinition {
  /** How it is called, such as `join LIST [SEPARATOR]`. */
  readonly signature: string;
  /** What it gives, one sentence without a final period. */
  readonly meaning: string;
  /** A template that the tests render with the example catalog. */
  readonly example: string;
  /** What the example renders to, exactly. */
  readonly output: string;
  /** Other names that do the same, such as consul-template's. */
  readonly aliases?: readonly string[];
  readonly run: Helper;
}

/** Helpers of one subject, by name. */
export interface HelperGroup {
  /** Heading of the generated page. */
  readonly title: string;
  readonly helpers: Readonly<Record<string, HelperDefinition>>;
}

/** The arguments without Handlebars' options, which always come last. */
export const values = (args: readonly unknown[]): readonly unknown[] => args.slice(0, -1);
