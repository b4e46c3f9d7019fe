import { z } from "zod";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Milliseconds of a duration such as `250ms`, `1.5s`, `10m` or `1h`; `undefined` when it is not one.
 * A number without a unit is not one, but `0` is.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
}

/** A duration in a config; its parsed value is in milliseconds. */
export const duration = z
  .string({ error: "a duration such as 250ms, 10s or 5m" })
  .transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined) return ms;
    context.addIssue("a duration such as 250ms, 10s or 5m");
    return z.NEVER;
  });
