import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load-config.ts";
import { AppError } from "../../src/errors.ts";

const PROXY =
  "proxies: [{ name: edge, kind: nginx, files: [{ template: a.hbs, path: out.conf }] }]";

describe("parseConfig()", () => {
  test("resolves relative paths against the config's directory and fills in defaults", () => {
    const config = parse(`state: state\n${PROXY}`);
    expect(config.state).toBe("/etc/fairlead/state");
    expect(config.proxies[0]).toMatchObject({
      binary: "nginx",
      config: "/etc/nginx/nginx.conf",
      files: [{ template: "/etc/fairlead/a.hbs", path: "/etc/fairlead/out.conf", mode: "0644" }],
      settle: { quiet: 100, max: 2000, minInterval: 1000 },
      guard: { maxDrop: "50%", hold: 600_000 },
    });
    expect(Object.isFrozen(config.proxies[0]?.files)).toBe(true);
  });

  test("leaves built-in templates as they are named", () => {
    const config = parse(
      "proxies: [{ name: a, kind: varnish, files: [{ template: 'builtin:x/y', path: z }] }]",
    );
    expect(config.proxies[0]?.files[0]?.template).toBe("builtin:x/y");
  });

  test("reads JSON as well", () => {
    const text = JSON.stringify({
      proxies: [{ name: "a", kind: "nginx", files: [{ template: "t", path: "p" }] }],
    });
    expect(parse(text).proxies).toHaveLength(1);
  });

  test("accepts every key of the documented example", () => {
    const config = parse(`
consul:
  address: http://127.0.0.1:8500
  token: \${CONSUL_HTTP_TOKEN:-}
  datacenter: dc1
  consistency: stale
  wait: 60s
  maxConnections: 64
state: /var/lib/fairlead
admin: { listen: 127.0.0.1:9700, token: \${FAIRLEAD_TOKEN:-} }
proxies:
  - name: edge
    kind: nginx
    binary: nginx
    config: /etc/nginx/nginx.conf
    files:
      - { template: "builtin:nginx/service-proxy.conf", path: /etc/nginx/conf.d/services.conf, mode: "0644" }
      - { template: templates/vhost.conf.hbs, each: services, path: "/etc/nginx/vhosts.d/{{name}}.conf" }
    reload: { signal: HUP, pidFile: /run/nginx.pid }
    proof: { timeout: 10s }
    settle: { quiet: 100ms, max: 2s, minInterval: 1s }
    guard: { maxDrop: 50%, hold: 10m }
  - name: cache
    kind: varnish
    binary: varnishd
    admin: { address: 127.0.0.1:6082, secretFile: /etc/varnish/secret }
    files: [{ template: "builtin:varnish/service-proxy.vcl", path: /etc/varnish/services.vcl }]
values: { domain: example.com }
`);
    expect(config.values).toEqual({ domain: "example.com" });
    expect(config.consul?.wait).toBe(60_000);
  });

  test("names every fault with file:line:column, key, what was expected and the nearest key", () => {
    const message = failureOf(`consul:
  adress: http://127.0.0.1:8500
  wait: "1"
proxies:
  - name: edge
    kind: nginx
    files:
      - template: a.hbs
        path: out.conf
        mode: 644
    reload: { sgnal: HUP }
  - kind: vranish
`).message;
    expect(message.split("\n")).toEqual([
      expect.stringMatching(
        /^\/etc\/fairlead\/fairlead.yaml:2:3: unknown key "consul.adress": did you mean "address"\?/,
      ),
      '/etc/fairlead/fairlead.yaml:3:9: consul.wait: expected a duration such as 250ms, 10s or 5m, got "1"',
      '/etc/fairlead/fairlead.yaml:10:15: proxies[0].files[0].mode: expected an octal file mode in quotes such as "0644", got 644',
      expect.stringMatching(
        /^\/etc\/fairlead\/fairlead.yaml:11:15: unknown key "proxies\[0\].reload.sgnal": did you mean "signal"\?/,
      ),
      '/etc/fairlead/fairlead.yaml:12:11: proxies[1].kind: expected nginx or varnish, got "vranish"',
    ]);
  });

  test("lists the known keys where none is near", () => {
    expect(failureOf(`${PROXY}\nxylophone: 1`).message).toContain(
      'unknown key "xylophone": expected one of consul, catalog, state, history, admin, proxies, routes, partials, values',
    );
  });

  test("says what is missing and where", () => {
    expect(failureOf("proxies:\n  - kind: nginx\n    name: a\n").message).toBe(
      "/etc/fairlead/fairlead.yaml:2:5: proxies[0].files: expected a list of files, but it is missing",
    );
  });

  test("names the place of a YAML fault", () => {
    expect(failureOf("proxies: [").message).toMatch(/fairlead.yaml:1:11: not valid YAML: /);
  });

  test.each([
    [
      "two proxies of one name",
      `proxies:\n  - &p { name: a, kind: nginx, files: [{ template: t, path: p }] }\n  - { name: a, kind: nginx, files: [{ template: t, path: q }] }`,
      '3:13: proxies[1].name: expected a name of its own: "a" is taken',
    ],
    [
      "two files of one path",
      `proxies:\n  - { name: a, kind: nginx, files: [{ template: t, path: p }, { template: u, path: p }] }`,
      'expected a path of its own: "p" is taken',
    ],
    [
      "two sources",
      `consul: {}\ncatalog: { file: c.yaml }\n${PROXY}`,
      "catalog: expected either consul or catalog, not both",
    ],
    [
      "two ways to reload",
      `proxies: [{ name: a, kind: nginx, files: [{ template: t, path: p }], reload: { signal: HUP, command: [x] } }]`,
      "expected one of signal, command, supervise and docker, not several",
    ],
  ])("refuses %s", (_, text, expected) => {
    expect(failureOf(text).message).toContain(expected);
  });

  test("fills in variables, with defaults, as text that cannot become YAML", () => {
    const config = parse(
      `${PROXY}\nconsul: { address: "http://\${HOST:-localhost}:8500", maxConnections: "\${N}" }\nvalues: { a: "\${A}", b: "$\${A}" }`,
      { N: "70", A: "x: [y" },
    );
    expect(config.consul).toMatchObject({ address: "http://localhost:8500", maxConnections: 70 });
    expect(config.values).toEqual({ a: "x: [y", b: "${A}" });
  });

  test("refuses a variable that is not set", () => {
    expect(failureOf(`${PROXY}\nstate: \${STATE}`).message).toBe(
      "/etc/fairlead/fairlead.yaml:2:8: the environment variable STATE is not set",
    );
  });

  test("never repeats a value that came from the environment or is a token", () => {
    const { message } = failureOf(`${PROXY}\nconsul: { token: [hunter2], wait: "\${SECRET}" }`, {
      SECRET: "s3cret",
    });
    expect(message).toContain("consul.wait: expected");
    expect(message).not.toMatch(/hunter2|s3cret/);
  });
});

describe("Consul's own environment variables", () => {
  test.each([
    [{ CONSUL_HTTP_ADDR: "10.0.0.1:8500" }, { address: "http://10.0.0.1:8500" }],
    [
      { CONSUL_HTTP_ADDR: "10.0.0.1:8501", CONSUL_HTTP_SSL: "true" },
      { address: "https://10.0.0.1:8501" },
    ],
    [{ CONSUL_HTTP_ADDR: "https://c.example.com" }, { address: "https://c.example.com" }],
    [{ CONSUL_HTTP_ADDR: "unix:///run/consul.sock" }, { address: "unix:///run/consul.sock" }],
    [
      { CONSUL_HTTP_TOKEN: "t", CONSUL_NAMESPACE: "ns" },
      { token: "t", namespace: "ns" },
    ],
    [{ CONSUL_HTTP_TOKEN_FILE: "/run/token" }, { tokenFile: "/run/token" }],
    [
      { CONSUL_CACERT: "/ca.pem", CONSUL_CLIENT_CERT: "/c.pem", CONSUL_CLIENT_KEY: "/k.pem" },
      { tls: { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem", verify: true } },
    ],
    [{ CONSUL_HTTP_SSL_VERIFY: "false" }, { tls: { verify: false } }],
  ])("%j", (environment, expected) => {
    expect(parse(PROXY, environment).consul).toMatchObject(expected);
  });

  test("what the file says comes first", () => {
    const config = parse(`${PROXY}\nconsul: { address: "http://file:8500", tokenFile: /f }`, {
      CONSUL_HTTP_ADDR: "env:8500",
      CONSUL_HTTP_TOKEN: "t",
    });
    expect(config.consul).toMatchObject({ address: "http://file:8500", tokenFile: "/f" });
    expect(config.consul?.token).toBeUndefined();
  });

  test("an unusable one is named", () => {
    expect(failureOf(PROXY, { CONSUL_HTTP_ADDR: "ftp://x" }).message).toBe(
      "environment: CONSUL_HTTP_ADDR: expected a URL such as http://127.0.0.1:8500, or unix:///path",
    );
  });
});

function parse(text: string, environment: Record<string, string> = {}) {
  return parseConfig(text, { file: "/etc/fairlead/fairlead.yaml", environment });
}

function failureOf(text: string, environment: Record<string, string> = {}): AppError {
  try {
    parse(text, environment);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("the config was accepted");
}
