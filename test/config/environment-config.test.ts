import { describe, expect, test } from "vitest";
import { environmentConfig } from "../../src/config/environment-config.ts";
import { parseConfig } from "../../src/config/load-config.ts";

describe("environmentConfig()", () => {
  test("FAIRLEAD_PROXY and FAIRLEAD_CONSUL are enough", () => {
    const config = parse({ FAIRLEAD_PROXY: "nginx", FAIRLEAD_CONSUL: "http://consul:8500" });
    expect(config.consul?.address).toBe("http://consul:8500");
    expect(config.proxies).toMatchObject([
      {
        name: "nginx",
        config: "/etc/nginx/nginx.conf",
        files: [{ path: "/etc/nginx/conf.d/services.conf" }],
        reload: { signal: "HUP" },
      },
    ]);
  });

  test("takes every setting that a container needs", () => {
    const config = parse({
      FAIRLEAD_PROXY: "nginx,varnish",
      FAIRLEAD_STATE: "/state",
      FAIRLEAD_LISTEN: "8080,8081",
      FAIRLEAD_PROOF_FROM: "10.0.0.0/8",
      FAIRLEAD_NGINX_FILE: "/shared/services.conf",
      FAIRLEAD_NGINX_CONFIG: "/shared/nginx.conf",
      FAIRLEAD_NGINX_CONTAINER: "edge",
      FAIRLEAD_DOCKER_SOCKET: "/run/docker-signal/docker.sock",
      FAIRLEAD_NGINX_PROOF: "http://edge:8080/__fairlead/generation",
      FAIRLEAD_VARNISH_ADMIN: "varnish:6082",
      FAIRLEAD_VARNISH_SECRET_FILE: "/run/secrets/varnish",
      FAIRLEAD_ADMIN: "",
    });
    expect(config).toMatchObject({
      state: "/state",
      values: { nginx: { listen: ["8080", "8081"], proofFrom: ["10.0.0.0/8"] } },
      proxies: [
        {
          config: "/shared/nginx.conf",
          files: [{ path: "/shared/services.conf" }],
          reload: {
            docker: {
              container: "edge",
              signal: "HUP",
              socket: "/run/docker-signal/docker.sock",
            },
          },
          proof: { url: "http://edge:8080/__fairlead/generation" },
        },
        { admin: { address: "varnish:6082", secretFile: "/run/secrets/varnish" } },
      ],
    });
  });

  test("a signal through Docker's API without a URL for the proof is refused, with what to set", () => {
    expect(() => parse({ FAIRLEAD_PROXY: "nginx", FAIRLEAD_NGINX_CONTAINER: "edge" })).toThrow(
      "proxies[0].proof.url: expected a URL beside reload.docker, such as http://nginx:8080/__fairlead/generation",
    );
  });

  test("without FAIRLEAD_PROXY says where a config is looked for", () => {
    expect(() => environmentConfig({})).toThrow("none was named with -c, found as fairlead.yaml");
  });
});

const parse = (environment: Readonly<Record<string, string>>) =>
  parseConfig(JSON.stringify(environmentConfig(environment)), {
    file: "/environment",
    environment,
  });
