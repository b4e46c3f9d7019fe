import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import { promisify } from "node:util";

/*
 * The least that can be done: long-poll one service, write the file, run `nginx -t`, send HUP. No snapshot,
 * no other service, nothing proved, no way back. What Fairlead takes is measured beside this.
 *
 *   floor.ts CONSUL SERVICE BASE_FILE OUTPUT_FILE NGINX_CONFIG PID_FILE
 */

const [consul = "", service = "", baseFile = "", output = "", nginxConfig = "", pidFile = ""] =
  process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const run = promisify(execFile);
const base = await readFile(baseFile, "utf8");
const oldId = /# Generation (\w+)/.exec(base)?.[1] ?? "";
let count = 0;
let index = "0";

for (;;) {
  const answer = await poll();
  if (answer.index === index) continue;
  index = answer.index;
  const servers = answer.instances.map(
    ({ Service }) => `  server ${Service.Address}:${Service.Port} max_fails=3 fail_timeout=10s;\n`,
  );
  count += 1;
  const text = base
    .replace(
      new RegExp(
        `(upstream fairlead_${service.replaceAll("-", "_")} \\{\\n  zone .*\\n)(  server .*\\n)*`,
      ),
      `$1${servers.toSorted().join("")}`,
    )
    .replaceAll(oldId, `floor${String(count).padStart(7, "0")}`);
  await writeFile(output, text);
  await run("nginx", ["-t", "-c", nginxConfig]);
  process.kill(Number(await readFile(pidFile, "utf8")), "SIGHUP");
}

interface Answer {
  readonly index: string;
  readonly instances: readonly {
    readonly Service: { readonly Address: string; readonly Port: number };
  }[];
}

function poll(): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `${consul}/v1/health/service/${service}?passing=1&index=${index}&wait=60s`;
    http
      .get(url, { agent }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () =>
          resolve({
            index: String(response.headers["x-consul-index"]),
            instances: JSON.parse(body) as Answer["instances"],
          }),
        );
      })
      .on("error", reject);
  });
}
