import { z } from "zod";
import { duration } from "./duration.ts";

const STATUS = "a list with passing, or with passing and warning";

export const routesSchema = z
  .strictObject({
    status: z
      .array(z.enum(["passing", "warning"], { error: "passing or warning" }), { error: STATUS })
      .refine((all) => all.includes("passing"), { error: STATUS })
      .default(["passing"])
      .describe(
        "Health of the instances that serve. With `warning`, instances whose worst check is a warning serve too, with Consul's weight for warnings.",
      ),
    whenNone: z
      .union([z.enum(["503", "warning", "all"]), z.literal(503).transform(() => "503" as const)], {
        error: "503, warning or all",
      })
      .default("503")
      .describe(
        "What serves while no instance of a route has such a health: `503` answers 503, `warning` uses the instances in warning, `all` uses every instance that is not in maintenance.",
      ),
    linger: duration
      .prefault("10m")
      .describe(
        "How long the routes of a service that was deregistered altogether go on answering 503, so that no wider route answers instead. With 0s they go at once.",
      ),
  })
  .describe("Which instances serve the routes.");

export type RoutesConfig = Readonly<z.infer<typeof routesSchema>>;

/** What holds without a word in the config. */
export const DEFAULT_ROUTES: RoutesConfig = routesSchema.parse({});
