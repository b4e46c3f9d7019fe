import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OutputContext } from "../proxy-kind.ts";

/**
 * The main file that reads outputs where they belong: the first of them where they are main files themselves, else the
 * smallest one around them, which is written.
 *
 * @param paths of the outputs in nginx's format
 * @returns `undefined` when there is no output
 */
export async function mainFileFor(
  paths: readonly string[],
  { directory, context, includes }: OutputContext,
): Promise<string | undefined> {
  if (context === "main") return paths[0];
  return await writeMainFile({ directory, context, includes: [...includes, ...paths] });
}

interface MainFile {
  /** The pid file, logs and temporary files go there as well. */
  readonly directory: string;
  readonly context: Exclude<OutputContext["context"], "main">;
  /** Read in this order. */
  readonly includes: readonly string[];
}

const WRAPPED = { http: ["http", ""], server: ["http", "server"], stream: ["stream", ""] } as const;

/** Returns its path. */
async function writeMainFile(main: MainFile): Promise<string> {
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
    // Debian's packages load modules by such files.
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
