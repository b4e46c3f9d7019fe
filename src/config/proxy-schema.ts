import { z } from "zod";
import { alternatives } from "./alternatives.ts";
import type { KindSettings } from "./proxy-settings/kind-settings.ts";
import { nginxSettings } from "./proxy-settings/nginx-settings.ts";
import { varnishSettings } from "./proxy-settings/varnish-settings.ts";

/** The kinds of proxies that a config may name. A third one is a file of settings and a line here. */
export const KIND_SETTINGS = {
  nginx: nginxSettings,
  varnish: varnishSettings,
} as const;

export type KindName = keyof typeof KIND_SETTINGS;
type ProxySchema = (typeof KIND_SETTINGS)[KindName]["schema"];

export const KIND_NAMES = Object.keys(KIND_SETTINGS) as readonly KindName[];

/** Tells the kinds apart by `kind`, which must be there. */
export const proxySchema = z
  .discriminatedUnion(
    "kind",
    KIND_NAMES.map((kind) => KIND_SETTINGS[kind].schema) as [ProxySchema, ...ProxySchema[]],
    { error: alternatives(KIND_NAMES) },
  )
  .describe("A proxy that is being configured.");

export type ProxyConfig = Readonly<z.infer<typeof proxySchema>>;
export type NginxConfig = Extract<ProxyConfig, { kind: "nginx" }>;
export type VarnishConfig = Extract<ProxyConfig, { kind: "varnish" }>;
export type FileConfig = ProxyConfig["files"][number];

/** The settings of a proxy's kind. */
export const kindSettings = ({ kind }: Pick<ProxyConfig, "kind">): KindSettings<ProxySchema> =>
  KIND_SETTINGS[kind];
