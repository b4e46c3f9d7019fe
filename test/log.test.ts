import { expect, test } from "vitest";
import { redactor } from "../src/log.ts";

test("a secret never shows, wherever it stands, also escaped as in JSON", () => {
  const redact = redactor(['a"secret', "abc", ""]);
  expect(redact(JSON.stringify({ msg: 'x a"secret y', url: 'a"secret' }))).toBe(
    '{"msg":"x [redacted] y","url":"[redacted]"}',
  );
  expect(redact("abc is too short to be one")).toBe("abc is too short to be one");
});
