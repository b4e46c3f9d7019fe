import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { startProgram } from "../helpers/child-process.ts";
import { freePorts } from "../helpers/free-port.ts";
import { grpcTlsOff } from "../helpers/start-consul.ts";
import { runFairlead, startFairlead } from "../helpers/start-fairlead.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import { testDirectory, writeConfig } from "../helpers/test-programs.ts";

const run = promisify(execFile);
const TOKEN = "7f2d0d1a-planted-secret-token";

test("TLS with a client certificate and an ACL token, all from Consul's own environment variables", async () => {
  const directory = await testDirectory();
  const { address, certificates } = await startSecuredConsul(directory);
  await writeFile(directory.at("list.hbs"), "{{#each (services)}}{{name}} {{/each}}");
  await writeFile(directory.at("token"), `${TOKEN}\n`);
  const config = await writeConfig(directory, {
    proxies: [
      { name: "a", kind: "nginx", files: [{ template: "list.hbs", path: "out", format: "text" }] },
    ],
  });
  const env = {
    CONSUL_HTTP_ADDR: address,
    CONSUL_HTTP_SSL: "true",
    CONSUL_CACERT: certificates.ca,
    CONSUL_CLIENT_CERT: certificates.cert,
    CONSUL_CLIENT_KEY: certificates.key,
    CONSUL_HTTP_TOKEN_FILE: directory.at("token"),
  };
  expect(await runFairlead(["render", "-c", config], { env })).toMatchObject({
    exitCode: 0,
    stdout: `==> ${directory.at("out")} <==\nconsul \n`,
  });
  const { CONSUL_HTTP_TOKEN_FILE: _, CONSUL_CACERT: __, ...rest } = env;
  const unverified = { ...rest, CONSUL_HTTP_SSL_VERIFY: "false", CONSUL_HTTP_TOKEN: TOKEN };
  expect((await runFairlead(["render", "-c", config], { env: unverified })).exitCode).toBe(0);

  const strangers = [
    [{ ...env, CONSUL_CACERT: "" }, "unable to verify the first certificate"],
    [{ ...env, CONSUL_CLIENT_CERT: "", CONSUL_CLIENT_KEY: "" }, /alert|ECONNRESET|bad certificate/],
    [{ ...env, CONSUL_CACERT: directory.at("none.pem") }, "caFile is not readable"],
  ] as const;
  for (const [strange, words] of strangers) {
    const fairlead = await startFairlead(["render", "-c", config], { env: strange });
    onTestFinished(async () => void (await fairlead.stop()));
    await expect.poll(() => fairlead.output(), { timeout: 20_000 }).toMatch(words);
    expect(fairlead.output()).not.toContain(TOKEN);
    await fairlead.stop();
  }
});

/** Consul makes its own authority and certificates. */
async function startSecuredConsul({ path, at }: TempDirectory) {
  await run("consul", ["tls", "ca", "create"], { cwd: path });
  await run("consul", ["tls", "cert", "create", "-server"], { cwd: path });
  await run("consul", ["tls", "cert", "create", "-client"], { cwd: path });
  const [https = 0, server = 0, lan = 0, wan = 0] = await freePorts(4);
  await writeFile(
    at("consul.json"),
    JSON.stringify({
      ports: { http: -1, https, dns: -1, grpc: -1, server, serf_lan: lan, serf_wan: wan },
      bind_addr: "127.0.0.1",
      ca_file: at("consul-agent-ca.pem"),
      cert_file: at("dc1-server-consul-0.pem"),
      key_file: at("dc1-server-consul-0-key.pem"),
      verify_incoming_https: true,
      acl: { enabled: true, default_policy: "deny", tokens: { master: TOKEN, agent: TOKEN } },
    }),
  );
  const program = await startProgram([
    "consul",
    "agent",
    "-dev",
    "-config-file",
    at("consul.json"),
    ...(await grpcTlsOff()),
  ]);
  onTestFinished(async () => void (await program.stop("SIGTERM", 3_000)));
  await expect.poll(() => program.output(), { timeout: 30_000 }).toContain("Synced node info");
  return {
    address: `127.0.0.1:${https}`,
    certificates: {
      ca: at("consul-agent-ca.pem"),
      cert: at("dc1-client-consul-0.pem"),
      key: at("dc1-client-consul-0-key.pem"),
    },
  };
}
