import { z } from "zod";
import { nonEmpty } from "./schema-parts.ts";

/** The default of `admin.listen`. */
export const DEFAULT_ADMIN_LISTEN = "127.0.0.1:9700";

export const adminSchema = z
  .strictObject({
    listen: nonEmpty("host:port, or off")
      .regex(/^(off|(\[[^\]]+\]|[^:[\]]+):\d{1,5})$/, { error: "host:port, or off" })
      .default(DEFAULT_ADMIN_LISTEN)
      .describe(
        "Address of health, metrics, status and control, or `off`. An address that is not loopback needs a token.",
      ),
    token: z
      .string({ error: "a token" })
      .optional()
      .describe(
        "Bearer token that every request but those for health needs. None when empty or absent.",
      ),
  })
  .superRefine(({ listen, token }, context) => {
    if (listen === "off" || isLoopback(listen) || (token ?? "") !== "") return;
    context.addIssue({
      code: "custom",
      path: ["listen"],
      message: "a loopback address, or admin.token beside an address that others can reach",
    });
  })
  .describe("The HTTP API for operators, probes and metrics.");

/** Whether only this machine can reach `host:port`. */
const isLoopback = (address: string): boolean =>
  /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d+$/.test(address);
