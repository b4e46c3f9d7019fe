import { z } from "zod";

/* Kinds of values that several sections of the config share. An error text names what was expected. */

export const nonEmpty = (what: string) => z.string({ error: what }).min(1, { error: what });
export const path = nonEmpty("a file path");
/* A value that came from ${VAR} is text: these read it as the number or flag that it represents. */
export const wholeNumber = z.union(
  [
    z.int(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ],
  { error: "a whole number" },
);
export const flag = z.union(
  [z.boolean(), z.enum(["true", "false"]).transform((it) => it === "true")],
  {
    error: "true or false",
  },
);
export const command = z
  .array(z.string(), { error: "a list of arguments such as [nginx, -s, reload]" })
  .min(1, { error: "a list of at least one argument" });
export const hostPort = nonEmpty("host:port").regex(/^(\[[^\]]+\]|[^:[\]]+):\d{1,5}$/, {
  error: "host:port",
});
