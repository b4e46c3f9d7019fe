import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import type { Output } from "../../template/render/render-files.ts";
import type { ServeOptions } from "../proxy-kind.ts";
import { freePorts } from "../serve-outputs/free-ports.ts";
import type { ServedOutputs } from "../serve-outputs/served-outputs.ts";
import { startProgram } from "../serve-outputs/temporary-program.ts";
import { createVarnishDriver } from "./varnish-driver.ts";

/**
 * Starts a real varnishd without a VCL and loads outputs as a generation, as `fairlead run` does: probed
 * backends are healthy first.
 *
 * @throws {AppError} CHECK_UNAVAILABLE when it does not start, RELOAD_FAILED when it does not load the VCL
 */
export async function serveVarnish(
  outputs: readonly Output[],
  { proxy, directory, log, signal }: ServeOptions<VarnishConfig>,
): Promise<ServedOutputs> {
  const [http = 0, cli = 0] = await freePorts(2);
  const paths = await writeOutputs(outputs, directory);
  const secretFile = join(directory, "secret");
  await writeFile(secretFile, randomBytes(16).toString("hex"), { mode: 0o644 });
  const address = `127.0.0.1:${cli}`;
  const varnishd = startProgram(
    // biome-ignore format: one option a line
    [
      proxy.binary, "-F",
      "-n", join(directory, "varnish"),
      "-a", `127.0.0.1:${http}`,
      "-T", address,
      "-S", secretFile,
      "-s", "malloc,16m",
      "-f", "",
    ],
    { directory, signal },
  );
  const { supervise: _, ...reload } = proxy.reload;
  const driver = createVarnishDriver(
    { ...proxy, admin: { address, secretFile }, reload },
    { log, state: directory },
  );
  try {
    await varnishd.untilListening(cli);
    await driver.reload({ number: 1, id: "0".repeat(12), paths }, signal);
    await varnishd.untilListening(http);
  } catch (error) {
    await varnishd.stop();
    throw error;
  }
  return { port: () => http, stop: () => varnishd.stop() };
}

/** Writes outputs with the paths of the written files in place of the configured ones, as a script names its parts. */
async function writeOutputs(
  outputs: readonly Output[],
  directory: string,
): Promise<readonly string[]> {
  const written = outputs.map(({ path }, i) => join(directory, `${i}-${basename(path)}`));
  const longestFirst = outputs
    .map(({ path }, i) => ({ path, to: written[i] ?? "" }))
    .toSorted((a, b) => b.path.length - a.path.length);
  for (const [i, { text }] of outputs.entries()) {
    const moved = longestFirst.reduce((all, { path, to }) => all.replaceAll(path, to), text);
    await writeFile(written[i] ?? "", moved, { mode: 0o644 });
  }
  return written;
}
