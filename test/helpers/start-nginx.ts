import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startProgram } from "./child-process.ts";
import { until } from "./until.ts";

/** A real nginx with a prefix of its own, whose http block includes `conf.d/*.conf`. */
export interface Nginx {
  readonly config: string;
  readonly pidFile: string;
  readonly errorLog: string;
  /** The directory that its main file includes. */
  readonly confDirectory: string;
  readonly pid: () => number;
  stop(): Promise<void>;
  /** Ends it if it runs, and starts it again. */
  startAgain(): Promise<void>;
}

/** Writes a main file into `directory` and starts nginx in the foreground with it. */
export async function startNginx(directory: string): Promise<Nginx> {
  const files = await writeNginxConfig(directory);
  let program = await launch();
  return {
    ...files,
    pid: () => program.pid,
    stop: async () => void (await program.stop("SIGTERM")),
    async startAgain() {
      await program.stop("SIGTERM");
      program = await launch();
    },
  };

  async function launch() {
    const started = await startProgram(["nginx", "-c", files.config, "-g", "daemon off;"]);
    await until("nginx has written its pid file", async () => {
      if (!started.isRunning()) throw new Error(started.output());
      return (await readFile(files.pidFile, "utf8")).trim() === String(started.pid);
    });
    return started;
  }
}

/** Writes a main file and the directories that it names. */
export async function writeNginxConfig(directory: string) {
  const confDirectory = join(directory, "conf.d");
  const temporary = join(directory, "temporary");
  await mkdir(confDirectory, { recursive: true });
  await mkdir(temporary, { recursive: true });
  const config = join(directory, "nginx.conf");
  const pidFile = join(directory, "nginx.pid");
  const errorLog = join(directory, "error.log");
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${temporary};`)
    .join("\n");
  await writeFile(
    config,
    `worker_processes 1;
pid ${pidFile};
error_log ${errorLog};
events { worker_connections 512; }
http {
  access_log off;
${paths}
  include conf.d/*.conf;
}
`,
  );
  return { config, pidFile, errorLog, confDirectory };
}
