/** A helper as Handlebars calls it: the arguments, then its options. */
export type HandlebarsHelper = (this: unknown, ...args: unknown[]) => unknown;
