import { z } from "zod";
import { section, words } from "../environment-section.ts";
import { hostPort, nonEmpty, path } from "../schema-parts.ts";
import type { KindSettings } from "./kind-settings.ts";
import { proxyBase, supervision } from "./proxy-base.ts";

const varnishSchema = z.strictObject({
  ...proxyBase,
  kind: z.literal("varnish").describe("The kind of proxy."),
  binary: nonEmpty("a program")
    .default("varnishd")
    .describe("The varnishd program that checks candidates."),
  admin: z
    .strictObject({
      address: hostPort
        .default("127.0.0.1:6082")
        .describe("Address of the CLI socket (varnishd -T)."),
      secretFile: path
        .optional()
        .describe("File that holds the secret of the CLI (varnishd -S). None when absent."),
    })
    .prefault({})
    .describe("The CLI socket of the running varnishd."),
  groups: z
    .union([z.enum(["auto", "off"]), z.int().min(1).max(64)], {
      error: "auto, off or a number from 1 to 64",
    })
    .default("auto")
    .describe(
      "Number of VCLs that a template with parts is split into, so that a change compiles only one of them. `auto` splits into 32 from 100 routes on; `off` does not split.",
    ),
  reload: z
    .strictObject(supervision)
    .prefault({})
    .describe("Whether Fairlead runs varnishd. Varnish is always reloaded over its CLI."),
});

/** Varnish in the config. */
export const varnishSettings: KindSettings<typeof varnishSchema> = {
  schema: varnishSchema,
  defaultFormat: "vcl",
  resolvePaths(proxy, at) {
    const { secretFile } = proxy.admin;
    const admin =
      secretFile === undefined ? proxy.admin : { ...proxy.admin, secretFile: at(secretFile) };
    return { ...proxy, admin };
  },
  proxyFromEnvironment: (read) => ({
    name: "varnish",
    kind: "varnish",
    ...section("admin", {
      address: read("VARNISH_ADMIN"),
      secretFile: read("VARNISH_SECRET_FILE"),
    }),
    files: [
      {
        template: "builtin:varnish/service-proxy.vcl",
        path: read("VARNISH_FILE") ?? "/etc/varnish/services.vcl",
      },
    ],
    ...section("reload", { supervise: words(read("VARNISH_SUPERVISE")) }),
  }),
  valuesFromEnvironment: () => ({}),
};
