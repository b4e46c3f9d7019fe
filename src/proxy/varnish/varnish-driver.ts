import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Generation, Proof, ProxyDriver } from "../../apply/proxy-driver.ts";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { superviseProcess } from "../supervised-process.ts";
import { parseBackendHealth } from "./backend-health.ts";
import { checkVcl, explanation } from "./check-vcl.ts";
import { type CliConnection, withCli } from "./cli-connection.ts";
import { generationIdOf, type LoadedVcl, newVclName, outdated, parseVclList } from "./vcl-list.ts";

const OK = 200;
const POLL_MS = 50;
/** How long new backends may take for their first good probe, before they are used all the same. */
const WARM_MS = 5_000;
/** How long a varnishd that was just started may take until its CLI answers. */
const START_MS = 10_000;

/** Checks, reloads and proves one Varnish over its CLI socket. */
export function createVarnishDriver(
  config: VarnishConfig,
  { log }: { readonly log: Log },
): ProxyDriver {
  const cli = config.admin;
  const child =
    config.reload.supervise === undefined
      ? undefined
      : superviseProcess(config.reload.supervise, { stopSignal: "SIGTERM", log });
  /** The name under which the last generation was loaded. */
  let loadedAs: string | undefined;

  return {
    async check(candidate, signal) {
      return await checkVcl(candidate, {
        binary: config.binary,
        cli,
        timeoutMs: config.checkTimeout,
        signal,
      });
    },

    async reload(generation, signal) {
      if (child !== undefined && child.pid() === undefined) {
        child.start();
        await untilAnswering(signal);
      }
      loadedAs = await withCli(cli, signal, async (connection) => {
        const name = newVclName(generation, await listVcls(connection));
        await load(connection, name, generation);
        await warm(connection, name, signal);
        await use(connection, name);
        await discardOutdated(connection);
        return name;
      });
    },

    async prove(generation, signal) {
      return await withCli(cli, signal, async (connection) => {
        const active = activeOf(await listVcls(connection));
        const { body: state } = await connection.send(["status"]);
        if (active === loadedAs && /running/.test(state))
          return await proofOf(connection, active ?? "");
        throw new AppError(
          "NOT_PROVED",
          `Cannot prove the reload as Varnish has "${active ?? "no VCL"}" active instead of "${loadedAs}", and says "${state.trim()}" (generation ${generation.number})`,
          { hint: "See whether somebody else uses Varnish's CLI, and what varnishd logs" },
        );
      });
    },

    async serves(generation, _lastProof, signal) {
      try {
        return await withCli(cli, signal, (connection) => isServed(connection, generation));
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof AppError) return false;
        throw error;
      }
    },

    close: async () => await child?.stop(),
  };

  async function load(
    connection: CliConnection,
    name: string,
    { paths }: Generation,
  ): Promise<void> {
    const { status, body } = await connection.send(["vcl.load", name, paths[0] ?? ""], {
      timeoutMs: config.checkTimeout,
    });
    if (status === OK) return;
    throw new AppError(
      "RELOAD_FAILED",
      `Cannot reload as Varnish does not load "${paths[0]}": ${explanation(body)}`,
      {
        hint: "Let varnishd read the file at the same path, and see what it says",
      },
    );
  }

  async function use(connection: CliConnection, name: string): Promise<void> {
    const used = await connection.send(["vcl.use", name]);
    if (used.status !== OK) {
      await connection.send(["vcl.discard", name]);
      throw new AppError(
        "RELOAD_FAILED",
        `Cannot reload as Varnish does not use "${name}": ${used.body.trim()}`,
        {
          hint: "See what varnishd logs",
        },
      );
    }
    const { body: state } = await connection.send(["status"]);
    // A varnishd that was started without a VCL has no child until it is told to.
    if (/stopped/.test(state)) await connection.send(["start"]);
  }

  /** A backend with a probe starts sick: a VCL that is used at once would answer 503. */
  async function warm(connection: CliConnection, name: string, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + WARM_MS;
    for (;;) {
      const { status, body } = await connection.send(["backend.list", "-j", `${name}.*`]);
      if (status !== OK) return; // no child yet: it starts with the VCL
      const { sick } = parseBackendHealth(body);
      if (sick.length === 0) return;
      if (performance.now() > deadline) {
        log.warn(
          { backends: sick.slice(0, 10), count: sick.length },
          `${sick.length} probed backends are still sick after ${WARM_MS / 1_000} s; the new VCL is used all the same`,
        );
        return;
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  async function discardOutdated(connection: CliConnection): Promise<void> {
    for (const name of outdated(await listVcls(connection))) {
      const { status, body } = await connection.send(["vcl.discard", name]);
      if (status !== OK)
        log.warn({ vcl: name }, `Varnish does not discard "${name}": ${body.trim()}`);
    }
  }

  async function untilAnswering(signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      try {
        await withCli(cli, signal, (connection) => connection.send(["ping"]));
        return;
      } catch (error) {
        if (
          !(error instanceof AppError) ||
          error.code !== "PROXY_DOWN" ||
          performance.now() > deadline
        )
          throw error;
        await sleep(POLL_MS, undefined, { signal });
      }
    }
  }
}

async function listVcls(connection: CliConnection): Promise<readonly LoadedVcl[]> {
  const { status, body } = await connection.send(["vcl.list", "-j"]);
  if (status === OK) return parseVclList(body);
  throw new AppError(
    "RELOAD_FAILED",
    `Cannot go on as Varnish does not list its VCLs: ${body.trim()}`,
    {
      hint: "Use Varnish 6 or later",
    },
  );
}

const activeOf = (vcls: readonly LoadedVcl[]): string | undefined =>
  vcls.find(({ isActive }) => isActive)?.name;

async function proofOf(connection: CliConnection, active: string): Promise<Proof> {
  const { body } = await connection.send(["pid"]);
  const manager = /Master:\s*(\d+)/.exec(body)?.[1] ?? "?";
  return {
    evidence: `VCL ${active} is active in varnishd ${manager}`,
    identity: `${active}@${manager}`,
  };
}

/** The active VCL is the generation's own, or one with the live file's very text, such as `boot` after a restart. */
async function isServed(connection: CliConnection, { id, paths }: Generation): Promise<boolean> {
  const active = activeOf(await listVcls(connection));
  const { body: state } = await connection.send(["status"]);
  if (active === undefined || !/running/.test(state)) return false;
  if (generationIdOf(active) !== undefined) return generationIdOf(active) === id;
  if (paths.length !== 1) return false;
  const [shown, text] = await Promise.all([
    connection.send(["vcl.show", active]),
    readFile(paths[0] ?? "", "utf8"),
  ]);
  return shown.status === OK && shown.body.trimEnd() === text.trimEnd();
}
