import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { whoAnswers } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("nginx and Varnish follow Consul: instances come, become unhealthy, become healthy and go, and a service is new", async () => {
  const site = await startSite({ nginx: {}, varnish: {}, services: ["web-1", "web-2", "api-1"] });
  const { consul, varnish, url } = site;
  const [one, two, api] = site.services;
  await consul.register({ name: "web", id: "web-1", port: one.port });
  await consul.register({ name: "web", id: "web-2", port: two.port });
  await site.start({ routes: { linger: "0s" } });
  const edges = [url, varnish.url];
  const bothAnswer = async (path: string, names: readonly string[]) => {
    await Promise.all(
      edges.map((edge) =>
        until(`${edge}${path} is answered by ${names.join()}`, async () => {
          const answers = await whoAnswers(`${edge}${path}`);
          return [...answers].toSorted().join() === names.join();
        }),
      ),
    );
  };

  await bothAnswer("/web/x", ["web-1", "web-2"]);
  for (const edge of edges) {
    expect(await request(`${edge}/`)).toMatchObject({ status: 200, body: "fairlead\n" });
    expect(await request(`${edge}/nowhere`)).toMatchObject({ status: 404 });
    expect((await request(`${edge}/__fairlead/generation`)).body).toMatch(/^[0-9a-f]{12}\n$/);
  }

  await consul.setHealth("web-1", "fail");
  await bothAnswer("/web/x", ["web-2"]);

  await consul.setHealth("web-1", "pass");
  await bothAnswer("/web/x", ["web-1", "web-2"]);

  await consul.register({ name: "api", id: "api-1", port: api.port, tags: ["route.path=/api"] });
  await bothAnswer("/api/v1", ["api-1"]);

  await consul.setHealth("web-1", "fail");
  await consul.setMaintenance("web-2", true);
  await bothAnswer("/web/x", ["status 503"]);
  for (const edge of edges) {
    // For 100 ms after a reload nginx's old workers take connections too.
    const reply = await until(`${edge} has only the new answer`, async () => {
      const it = await request(`${edge}/web/x`);
      return it.status === 503 ? it : undefined;
    });
    expect(reply).toMatchObject({ headers: { "retry-after": "5" }, body: "no healthy instance\n" });
  }

  await consul.deregister("web-1");
  await consul.deregister("web-2");
  await bothAnswer("/web/x", ["status 404"]);
  await bothAnswer("/api/v1", ["api-1"]);
});
