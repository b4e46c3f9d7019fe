/** A helper as Handlebars calls it: the arguments, then its options. */
export type Helper = (this: unknown, ...args: unknown[]) => unknown;
