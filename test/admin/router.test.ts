import { describe, expect, test } from "vitest";
import { ADMIN_ROUTES, REFUSALS } from "../../src/admin/admin-routes.ts";
import type { RunningDaemon } from "../../src/admin/daemon.ts";
import { routeRequest } from "../../src/admin/router.ts";

/** A daemon that has just started: its proxies are being set up. */
const STARTING: RunningDaemon = {
  version: "0.0.0",
  startedAt: "2026-11-24T12:00:00.000Z",
  proxies: () => undefined,
  metrics: () => Promise.reject(new Error("not asked for here")),
};

const ask = async (method: string, path: string, token?: string) =>
  await routeRequest(
    {
      method,
      path,
      headers: { host: "127.0.0.1:9700", "content-type": "application/json" },
      body: "",
    },
    { daemon: STARTING, token },
  );

describe("routeRequest()", () => {
  test.each(ADMIN_ROUTES.filter(({ access }) => access === "operators"))(
    "refuses $method $path without the token",
    async ({ method, path }) => {
      const reply = await ask(method, path.replaceAll(/[{}]/g, ""), "secret");
      expect(reply.status).toBe(401);
      expect(Object.keys(REFUSALS)).toContain("401");
    },
  );

  test("shows the reasons of /ready to operators only", async () => {
    const [everyone, operator] = [await ask("GET", "/ready", "secret"), await ask("GET", "/ready")];
    expect([everyone.status, operator.status]).toEqual([503, 503]);
    expect(JSON.parse(everyone.body)).toEqual({ status: "not ready" });
    expect(JSON.parse(operator.body)).toMatchObject({ reasons: ["the proxies are being set up"] });
  });

  test("answers HEAD as GET, and only whole paths", async () => {
    expect((await ask("HEAD", "/live")).status).toBe(200);
    for (const path of ["/live/", "/v1/live", "/v1/proxies/", "/v1/proxies/edge/history/"]) {
      expect((await ask("GET", path)).status).toBe(404);
    }
    expect((await ask("GET", "/v1/proxies/edge/pause")).status).toBe(404);
    expect((await ask("POST", "/v1/status")).status).toBe(404);
  });
});
