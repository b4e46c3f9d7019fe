import { fileURLToPath } from "node:url";
import { startProgram } from "./child-process.ts";
import { freePort } from "./free-port.ts";
import { request } from "./request.ts";
import { until } from "./until.ts";

/** A sample service in a process of its own: it can be killed and frozen, and whoever sends many requests does not answer them. */
export interface SampleProcess {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly pid: () => number;
  /** Ends it at once, as a crash would. Its port refuses connections then. */
  kill(): Promise<void>;
  /** Starts it again at the same port. */
  startAgain(): Promise<void>;
  /** Its port still takes connections, but nothing answers. */
  freeze(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("serve-sample.ts", import.meta.url));

/** Starts it and waits until it answers. */
export async function startSampleProcess(name: string): Promise<SampleProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  let program = await launch();
  const kill = async () => void (await program.stop("SIGKILL"));
  return {
    name,
    port,
    url,
    pid: () => program.pid,
    kill,
    async startAgain() {
      await kill();
      program = await launch();
    },
    freeze: () => program.freeze(),
    resume: () => program.resume(),
    stop: kill,
  };

  async function launch() {
    const argv = [process.execPath, "--import", "tsx", PROGRAM, name, String(port)];
    const started = await startProgram(argv);
    try {
      await until(`${name} answers`, async () => {
        if (!started.isRunning()) throw new Error(started.output());
        return (await request(url)).status === 200;
      });
    } catch (error) {
      await started.stop("SIGKILL");
      throw error;
    }
    return started;
  }
}
