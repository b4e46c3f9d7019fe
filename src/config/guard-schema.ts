import { z } from "zod";
import { duration } from "./duration.ts";
import { flag, wholeNumber } from "./schema-parts.ts";

const dampSchema = z
  .strictObject({
    flaps: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 changes" })
      .default(4)
      .describe(
        "Number of changes of health, in the time of `within`, from which on an instance flaps and is left out.",
      ),
    within: duration.prefault("1m").describe("Time in which the changes of health are counted."),
    quiet: duration
      .prefault("2m")
      .describe(
        "How long the health of a flapping instance must not change before it is used again.",
      ),
  })
  .describe(
    "Flap damping: leaves out instances whose health changes again and again, but never a service's last passing one. Off when absent.",
  );

export const guardSchema = z
  .strictObject({
    maxDrop: z
      .string({ error: "a percentage such as 50%" })
      .regex(/^(100|\d{1,2})%$/, { error: "a percentage such as 50%" })
      .default("50%")
      .describe(
        "Largest share of what is registered that one change may remove, in percent: of at least 10 instances across 3 services, of the services, of a list of at least 10 entries; in all of the catalog and in each datacenter. A larger loss is held.",
      ),
    minInstances: z
      .record(z.string(), wholeNumber, { error: "a mapping of services to numbers" })
      .default({})
      .describe(
        'Least number of passing instances by service: a change that goes below is held. "*" is for all services not named. None when empty.',
      ),
    hold: duration
      .prefault("10m")
      .describe(
        "Longest time that a suspicious loss is held: what was lost is kept. Then the loss goes live.",
      ),
    shadow: flag
      .default(false)
      .describe("Whether to log a suspicious change and let it go live, instead of holding it."),
    damp: dampSchema.optional(),
  })
  .describe("Decides when a change of the catalog is suspicious and is held.");
