import { expect, test } from "vitest";
import { isOutputOf } from "../../../src/apply/disk/output-paths.ts";
import { proxySchema } from "../../../src/config/proxy-schema.ts";

const entry = (file: object) =>
  proxySchema.parse({ name: "a", kind: "varnish", files: [{ template: "/t", ...file }] })
    .files[0] as Parameters<typeof isOutputOf>[0];

test("an entry writes its path and the parts beside it, with each whatever its path's fixed start allows", () => {
  const whole = entry({ path: "/etc/varnish/services.vcl" });
  for (const part of ["vcl", "g07.vcl", "top.vcl", "generation.vcl", "cli"]) {
    expect(isOutputOf(whole, `/etc/varnish/services.${part}`)).toBe(true);
  }
  for (const other of [
    "services.sh",
    "services.g7.vcl",
    "services.top.sh",
    "other.vcl",
    "services.x/../cli",
  ]) {
    expect(isOutputOf(whole, `/etc/varnish/${other}`)).toBe(false);
  }
  const items = entry({ path: "/etc/vhosts/v-{{name}}.conf", each: "services" });
  expect(isOutputOf(items, "/etc/vhosts/v-web.conf")).toBe(true);
  expect(isOutputOf(items, "/etc/vhosts/web.conf")).toBe(false);
  expect(isOutputOf(items, "/etc/vhosts/v-a/b.conf")).toBe(false);
});
