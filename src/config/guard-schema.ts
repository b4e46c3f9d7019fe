import { z } from "zod";
import { duration } from "./duration.ts";
import { flag, wholeNumber } from "./schema-parts.ts";

const dampSchema = z
  .strictObject({
    flaps: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 changes" })
      .default(4)
      .describe("How many changes of health make an instance one that flaps."),
    within: duration.prefault("1m").describe("In what time they make it one."),
    quiet: duration
      .prefault("2m")
      .describe("How long it must keep still before it takes requests again."),
  })
  .describe(
    "Leaves instances out that are well and sick by turns. A service keeps its last passing one.",
  );

export const guardSchema = z
  .strictObject({
    maxDrop: z
      .string({ error: "a percentage such as 50%" })
      .regex(/^(100|\d{1,2})%$/, { error: "a percentage such as 50%" })
      .default("50%")
      .describe(
        "Share of instances, of at least 10 across at least 3 services, that may be gone in one step.",
      ),
    minInstances: z
      .record(z.string(), wholeNumber, { error: "a mapping of services to numbers" })
      .default({})
      .describe(
        'A change that takes a service below so many passing instances is held; "*" is for the services not named.',
      ),
    hold: duration.prefault("10m").describe("How long a suspicious change is held back at most."),
    shadow: flag.default(false).describe("Says what would be held, and lets it go live."),
    damp: dampSchema.optional(),
  })
  .describe("When a change of the catalog is held back as suspicious.");
