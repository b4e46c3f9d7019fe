import { randomBytes } from "node:crypto";
import { access, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { startProgram } from "./child-process.ts";
import { freePorts } from "./free-port.ts";
import { request } from "./request.ts";
import { until } from "./until.ts";

/** A real varnishd with a working directory of its own. */
export interface Varnish {
  /** Where it serves, such as `http://127.0.0.1:20001`. */
  readonly url: string;
  /** `host:port` of its CLI. */
  readonly admin: string;
  readonly secretFile: string;
  /** The VCL that it boots with. */
  readonly vcl: string;
  readonly pid: () => number;
  stop(): Promise<void>;
  /** Ends the manager if it runs, and starts it again with the current {@link Varnish.vcl}. */
  startAgain(): Promise<void>;
}

const BOOT_VCL = `vcl 4.1;
backend default none;
sub vcl_recv { return (synth(503, "not configured yet")); }
`;

export interface VarnishOptions {
  readonly port?: number;
  readonly parameters?: readonly string[];
  /** The compiler that varnishd was built to use; else tcc when it is installed. */
  readonly compiler?: "built-in";
  /** The name of a file beside the VCL for `-I`, instead of the VCL for `-f`. */
  readonly boot?: string;
}

/** Starts varnishd in the foreground on free ports, with tcc as compiler when it is installed. */
export async function startVarnish(
  directory: string,
  options: VarnishOptions = {},
): Promise<Varnish> {
  const [freeHttp = 0, cliPort = 0] = await freePorts(2);
  const port = options.port ?? freeHttp;
  const vcl = join(directory, "services.vcl");
  const secretFile = join(directory, "secret");
  await writeFile(vcl, BOOT_VCL, { mode: 0o644 });
  const script = join(directory, options.boot ?? "boot.cli");
  await writeFile(script, `vcl.load boot ${vcl}\nvcl.use boot\n`);
  await writeFile(secretFile, `${randomBytes(16).toString("hex")}\n`, { mode: 0o644 });
  const url = `http://127.0.0.1:${port}`;
  const admin = `127.0.0.1:${cliPort}`;
  let program = await launch();
  return {
    url,
    admin,
    secretFile,
    vcl,
    pid: () => program.pid,
    stop: async () => void (await program.stop("SIGTERM")),
    async startAgain() {
      await program.stop("SIGTERM");
      program = await launch();
    },
  };

  async function launch() {
    const started = await startProgram([
      "varnishd",
      "-F",
      "-n",
      join(directory, "varnish"),
      "-a",
      `127.0.0.1:${port}`,
      "-T",
      admin,
      "-S",
      secretFile,
      "-s",
      "malloc,16m",
      ...(options.boot === undefined ? ["-f", vcl] : ["-f", "", "-I", script]),
      "-p",
      "vcc_allow_inline_c=off",
      ...(options.compiler === "built-in" ? [] : await compilerParameters()),
      ...(options.parameters ?? []),
    ]);
    try {
      await until("varnishd answers", async () => {
        if (!started.isRunning()) throw new Error(started.output());
        await greeting(cliPort);
        return (await request(url)).status > 0;
      });
    } catch (error) {
      await started.stop("SIGKILL");
      throw error;
    }
    return started;
  }
}

/** tcc compiles a VCL in a fraction of the time that gcc takes. */
async function compilerParameters(): Promise<readonly string[]> {
  try {
    await access("/usr/bin/tcc");
    return ["-p", "cc_command=exec tcc -std=gnu11 -w -fpic -shared -o %o %s"];
  } catch {
    return [];
  }
}

function greeting(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}
