import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { NginxConfig } from "../../config/proxy-schema.ts";
import type { Output } from "../../template/render/render-files.ts";
import type { ServeOptions } from "../proxy-kind.ts";
import { freePorts } from "../serve-outputs/free-ports.ts";
import type { ServedOutputs } from "../serve-outputs/served-outputs.ts";
import { startProgram } from "../serve-outputs/temporary-program.ts";
import { mainFileFor } from "./main-file.ts";
import { readDirectives } from "./nginx-directives.ts";

/**
 * Starts a real nginx with outputs. Free loopback ports replace their listen addresses.
 *
 * @throws {AppError} CHECK_UNAVAILABLE when nginx does not start, with its own words
 */
export async function serveNginx(
  outputs: readonly Output[],
  options: ServeOptions<NginxConfig>,
): Promise<ServedOutputs> {
  const { proxy, directory, signal } = options;
  const addresses = [...new Set(outputs.flatMap(({ text }) => listenAddresses(text)))];
  const free = await freePorts(addresses.length);
  const ports = new Map(addresses.map((address, i) => [address, free[i] ?? 0]));
  const paths: string[] = [];
  for (const [i, { path, text, format }] of outputs.entries()) {
    if (format !== "nginx") continue;
    const written = join(directory, `${i}-${basename(path)}`);
    await writeFile(written, withPorts(text, ports), { mode: 0o644 });
    paths.push(written);
  }
  const main = (await mainFileFor(paths, options)) ?? "";
  const argv = [proxy.binary, "-p", `${directory}/`, "-c", main, "-g", "daemon off;"];
  const nginx = startProgram(argv, { directory, signal });
  try {
    await nginx.untilListening(free[0] ?? 0);
  } catch (error) {
    await nginx.stop();
    throw error;
  }
  return {
    port: (wanted) => {
      const found = [...ports].find(
        ([address]) => wanted === undefined || portOf(address) === wanted,
      );
      return found?.[1];
    },
    stop: () => nginx.stop(),
  };
}

const isListen = ({ name }: { readonly name: string }): boolean => name === "listen";

/** The addresses that the text's servers listen on, as written, IPv4 first. */
function listenAddresses(text: string): readonly string[] {
  const all = readDirectives(text)
    .filter(isListen)
    .map(({ args }) => args[0] ?? "")
    .filter((address) => portOf(address) !== undefined);
  return all.toSorted((a, b) => Number(a.startsWith("[")) - Number(b.startsWith("[")));
}

/** Such as 80 of `80`, `*:80`, `127.0.0.1` and `[::]:80`; none of a Unix socket. */
function portOf(address: string): number | undefined {
  if (address.startsWith("unix:")) return undefined;
  if (/^\d+$/.test(address)) return Number(address);
  return Number(/:(\d+)$/.exec(address)?.[1] ?? 80);
}

function withPorts(text: string, ports: ReadonlyMap<string, number>): string {
  let result = "";
  let copied = 0;
  for (const { args, start, end } of readDirectives(text).filter(isListen)) {
    const [address = "", ...flags] = args;
    const port = ports.get(address);
    if (port === undefined) continue;
    const kept = flags.filter((flag) => !/^(ipv6only=|ssl$|quic$)/.test(flag));
    result += `${text.slice(copied, start)}listen ${[`127.0.0.1:${port}`, ...kept].join(" ")};`;
    copied = end;
  }
  return result + text.slice(copied);
}
