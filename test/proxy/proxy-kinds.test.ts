import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { environmentConfig } from "../../src/config/environment-config.ts";
import { KIND_NAMES, proxySchema } from "../../src/config/proxy-schema.ts";
import { builtinFile } from "../../src/template/builtin-files.ts";

describe.each(KIND_NAMES)("the kind %s", (kind) => {
  test("has a built-in template that the environment's config renders", () => {
    const { proxies } = environmentConfig({ FAIRLEAD_PROXY: kind }) as { proxies: unknown[] };
    const proxy = proxySchema.parse(proxies[0]);
    expect(proxy.kind).toBe(kind);
    for (const { template } of proxy.files) {
      expect(existsSync(builtinFile(template.replace("builtin:", "")))).toBe(true);
    }
  });

  test("has a starter", () => {
    expect(readdirSync(builtinFile("starter"))).toContain(kind);
  });
});
