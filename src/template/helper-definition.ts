/** A helper as Handlebars calls it: the arguments, then its options. */
export type Helper = (this: unknown, ...args: unknown[]) => unknown;

/** The arguments without Handlebars' options, which always come last. */
export const values = (args: readonly unknown[]): readonly unknown[] => args.slice(0, -1);
