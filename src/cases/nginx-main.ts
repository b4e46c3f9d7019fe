import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CaseFile } from "./case-schema.ts";

/** What a main file for outputs is made of. */
export interface NginxMain {
  /** Exists already; pid, logs and temporary files go there as well. */
  readonly directory: string;
  readonly context: Exclude<CaseFile["context"], "main">;
  /** Absolute paths, read in this order. */
  readonly includes: readonly string[];
}

const WRAPPED = { http: ["http", ""], server: ["http", "server"], stream: ["stream", ""] } as const;

/** Writes the smallest main file that reads outputs where they belong. Returns its path. */
export async function writeNginxMain(main: NginxMain): Promise<string> {
  const { directory, context } = main;
  const [outer, inner] = WRAPPED[context];
  const temporary = join(directory, "temporary");
  await mkdir(temporary, { recursive: true });
  const temporaryPaths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path "${temporary}";\n`)
    .join("");
  const includes = main.includes.map((path) => `    include "${path}";\n`).join("");
  const path = join(directory, "nginx.conf");
  await writeFile(
    path,
    // Debian's packages load what is built as a module by such files.
    `include /etc/nginx/modules-enabled/*.conf;
worker_processes 1;
pid "${join(directory, "nginx.pid")}";
error_log stderr;
events { worker_connections 512; }
${outer} {
${outer === "http" ? `  access_log off;\n${temporaryPaths}` : ""}${inner === "" ? includes : `  ${inner} {\n${includes}  }\n`}}
`,
  );
  return path;
}
