import { describe, expect, test } from "vitest";
import { checkAccess } from "../../src/admin/access.ts";

const get = (headers: Record<string, string>) => ({
  method: "GET",
  headers: { host: "127.0.0.1:9700", ...headers },
});
const post = (headers: Record<string, string>) => ({
  method: "POST",
  headers: { host: "127.0.0.1:9700", "content-type": "application/json", ...headers },
});

describe("checkAccess() without a token", () => {
  test.each(["127.0.0.1:9700", "localhost:9700", "[::1]:9700", "127.0.0.1", "LOCALHOST"])(
    "answers the host %s",
    (host) => expect(checkAccess(get({ host }), undefined)).toBeUndefined(),
  );

  test.each(["evil.example:9700", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1"])(
    "refuses the host %j, which a page could point here",
    (host) => expect(checkAccess(get({ host }), undefined)?.status).toBe(421),
  );

  test.each([
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:9701" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ] as Record<string, string>[])("takes no command that comes from another page: %j", (headers) =>
    expect(checkAccess(post(headers), undefined)?.status).toBe(403),
  );

  test.each(["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])(
    "takes no command of the type %j, which a form can send",
    (type) => expect(checkAccess(post({ "content-type": type }), undefined)?.status).toBe(415),
  );

  test("takes a command of the same page, and of no page at all", () => {
    expect(checkAccess(post({}), undefined)).toBeUndefined();
    const own = { origin: "http://127.0.0.1:9700", "sec-fetch-site": "same-origin" };
    expect(checkAccess(post(own), undefined)).toBeUndefined();
  });
});

describe("checkAccess() with a token", () => {
  test.each(["", "Bearer", "Bearer wrong", "Basic secret", "Bearer secret2", "secret", "Bearer s"])(
    "refuses the authorization %j",
    (authorization) => {
      expect(checkAccess(get({ authorization }), "secret")?.status).toBe(401);
      expect(checkAccess(post({ authorization }), "secret")?.status).toBe(401);
    },
  );

  test("answers by any name whoever has it", () => {
    const headers = { authorization: "bearer secret", host: "fairlead:9700" };
    expect(checkAccess(get(headers), "secret")).toBeUndefined();
    expect(checkAccess(post(headers), "secret")).toBeUndefined();
    expect(
      checkAccess(post({ ...headers, origin: "https://evil.example" }), "secret")?.status,
    ).toBe(403);
  });
});
