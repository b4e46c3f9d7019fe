import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import https from "node:https";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";
import {
  listenAddress,
  testDirectory,
  testNginx,
  testVarnish,
  writeConfig,
} from "../helpers/test-programs.ts";

/*
 * An output that another output, or a file of the operator's, names: neither is in place before the first check.
 */

test("nginx: a certificate and the site that names it go live together, are renewed, and a pair that does not match is refused", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const { listen } = await listenAddress();
  const [first, second] = await Promise.all([
    certificate(directory, "a"),
    certificate(directory, "b"),
  ]);
  await writeFile(directory.at("key.hbs"), `{{key "tls/key"}}`);
  await writeFile(directory.at("cert.hbs"), `{{key "tls/cert"}}`);
  await writeFile(
    directory.at("site.hbs"),
    `server {
  listen ${listen} ssl;
  ssl_certificate {{values.cert}}; # a path in quotes or without, relative or not
  ssl_certificate_key 'conf.d/site.key';
  location / { return 200 "it is {{key "tls/name"}}"; }
}
`,
  );
  // A file that is no output names one too.
  const main = await readFile(nginx.config, "utf8");
  const named = `http {\n  ssl_certificate ${directory.at("conf.d/site.pem")}; ssl_certificate_key conf.d/site.key;`;
  await writeFile(nginx.config, main.replace("http {", named));
  const config = await writeConfig(directory, {
    catalog: { file: "catalog.yaml" },
    values: { cert: directory.at("conf.d/site.pem") },
    proxies: [
      {
        name: "edge",
        kind: "nginx",
        config: nginx.config,
        files: [
          { template: "site.hbs", path: "conf.d/site.conf", format: "nginx" },
          { template: "cert.hbs", path: "conf.d/site.pem", format: "text" },
          { template: "key.hbs", path: "conf.d/site.key", format: "text", mode: "0600" },
        ],
      },
    ],
  });
  const applied = async (name: string, cert: string, key: string) => {
    const keys = { "tls/name": name, "tls/cert": cert, "tls/key": key };
    await writeFile(directory.at("catalog.yaml"), stringify({ keys }));
    return await runFairlead(["run", "-c", config, "--once"]);
  };

  const live = await applied("first", first.cert, first.key);
  expect(live.exitCode, live.output).toBe(0);
  expect(await served(listen)).toEqual({ body: "it is first", subject: "a" });
  const renewed = await applied("second", second.cert, second.key);
  expect(renewed.exitCode, renewed.output).toBe(0);
  expect(await served(listen)).toEqual({ body: "it is second", subject: "b" });
  const refused = await applied("third", first.cert, second.key);
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toContain(`refused: `);
  expect(refused.output).toMatch(/SSL_CTX_use_PrivateKey\(.*conf\.d\/site\.key/);
  expect(refused.output).not.toContain("fairlead-staged");
  expect(await served(listen)).toEqual({ body: "it is second", subject: "b" });
});

test("Varnish: a VCL includes another output, whatever that one's format", async () => {
  const directory = await testDirectory();
  const varnish = await testVarnish(directory);
  const part = directory.at("cache/answer.vcl");
  const text = directory.at("cache/status.inc");
  await writeFile(directory.at("catalog.yaml"), "keys: { status: '200' }\n");
  await writeFile(
    directory.at("main.hbs"),
    `vcl 4.1;\nbackend default none;\ninclude "${part}";\ninclude "${text}";\n`,
  );
  await writeFile(directory.at("part.hbs"), `sub vcl_recv { call answer; }\n`);
  await writeFile(directory.at("text.hbs"), `sub answer { return (synth({{key "status"}})); }\n`);
  const config = await writeConfig(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [
      {
        name: "cache",
        kind: "varnish",
        admin: { address: varnish.admin, secretFile: varnish.secretFile },
        files: [
          { template: "main.hbs", path: varnish.vcl, format: "vcl" },
          { template: "part.hbs", path: part, format: "vcl" },
          { template: "text.hbs", path: text, format: "text" },
        ],
      },
    ],
  });
  const { exitCode, output } = await runFairlead(["run", "-c", config, "--once"]);
  expect(exitCode, output).toBe(0);
  expect((await request(varnish.url)).status).toBe(200);
});

/** A certificate that its own key signed. */
async function certificate(directory: TempDirectory, name: string) {
  const [key, cert] = [directory.at(`${name}.key`), directory.at(`${name}.pem`)];
  const made = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -keyout ${key} -out ${cert}`;
  await promisify(execFile)("openssl", made.split(" "));
  return { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
}

/** What is answered over TLS, and for whom the certificate is. */
function served(listen: string): Promise<{ readonly body: string; readonly subject: unknown }> {
  return new Promise((resolve, reject) => {
    const outgoing = https.get(`https://${listen}/`, { rejectUnauthorized: false, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const { subject } = (incoming.socket as import("node:tls").TLSSocket).getPeerCertificate();
      let body = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      incoming.on("end", () => resolve({ body, subject: subject.CN }));
    });
  });
}
