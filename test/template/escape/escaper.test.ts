import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeAt, escapeFor, type Place } from "../../../src/template/escape/escaper.ts";
import type { NginxPlace } from "../../../src/template/escape/nginx-place.ts";
import type { VclPlace } from "../../../src/template/escape/vcl-place.ts";
import { hostileValue } from "../../fuzz/hostile-values.ts";

const nginxPlace: fc.Arbitrary<NginxPlace> = fc.record({
  format: fc.constant("nginx"),
  kind: fc.constantFrom("word", "double", "single", "comment", "code", "name", "afterBackslash"),
  isStart: fc.boolean(),
  isFirst: fc.boolean(),
  isJoined: fc.boolean(),
  isRegex: fc.boolean(),
  afterDollar: fc.boolean(),
  isFile: fc.boolean(),
  keyOf: fc.constantFrom(undefined, "map", "geo", "types"),
  directive: fc.constantFrom(undefined, "location", "server", "include", "access_log"),
});

const vclPlace: fc.Arbitrary<VclPlace> = fc.record({
  format: fc.constant("vcl"),
  kind: fc.constantFrom(
    "word",
    "statement",
    "string",
    "longString",
    "lineComment",
    "blockComment",
    "code",
  ),
  isStart: fc.boolean(),
  meaning: fc.constantFrom("pattern", "replacement", "acl", "file", "fileName", "ban", "plain"),
  before: fc.constantFrom("", " ", ".", "*", "/", '"', "x"),
});

const otherPlace = fc.record({ format: fc.constantFrom("text", "path") });

const value = fc.oneof(
  hostileValue,
  fc.stringMatching(/^[\w./:-]{0,12}$/),
  fc.integer({ min: 0 }).map(String),
);

test("the quick look at a value decides as the close one does", () => {
  fc.assert(
    fc.property(fc.oneof(nginxPlace, vclPlace, otherPlace), value, (place, text) => {
      expect(attempt(() => escapeFor([place])(text))).toEqual(attempt(() => escapeAt(text, place)));
    }),
    { numRuns: 5_000, seed: 1 },
  );
});

test.each([
  ["nginx", "10.0.0.1:8080"],
  ["nginx", "/api/v1"],
  ["vcl", "10.0.0.1"],
])("in %s %j is written as it is", (format, text) => {
  const place = (format === "nginx"
    ? { format, kind: "word", isStart: true, isFirst: true, isRegex: false, isFile: false }
    : { format, kind: "string", meaning: "plain", before: '"' }) as unknown as Place;
  expect(escapeFor([place])(text)).toBe(text);
});

function attempt(work: () => string): string {
  try {
    return work();
  } catch (error) {
    return `refused: ${String(error)}`;
  }
}
