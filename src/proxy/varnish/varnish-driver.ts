import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Generation, Proof, ProxyDriver } from "../../apply/proxy-driver.ts";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { openSupervision } from "../supervise/open-supervision.ts";
import type { SupervisedProcess } from "../supervise/supervised-process.ts";
import { parseBackendHealth } from "./backend-health.ts";
import { checkVcl, explanation } from "./check-vcl.ts";
import type { CliConnection } from "./cli-connection.ts";
import { createSession } from "./cli-session.ts";
import { generationIdOf, type LoadedVcl, newVclName, outdated, parseVclList } from "./vcl-list.ts";

const OK = 200;
const POLL_MS = 50;
/** How long new backends may take for their first good probe, before they are used all the same. */
const WARM_MS = 5_000;
/** How long a varnishd that was just started may take until its CLI answers. */
const START_MS = 10_000;
/** How often it is looked whether the VCL that was proved is still the active one. */
const WATCH_MS = 2_000;

/** Checks, reloads and proves one Varnish over its CLI socket. */
export function createVarnishDriver(
  config: VarnishConfig,
  { log, state }: { readonly log: Log; readonly state: string },
): ProxyDriver {
  const cli = config.admin;
  const child = openSupervision(config, { stopSignal: "SIGTERM", state, log });
  /** The name under which the last generation was loaded. */
  let loadedAs: string | undefined;
  /** The generation that was given to Varnish last. */
  let given: string | undefined;
  /** What was proved last. */
  let proved: string | undefined;
  const session = createSession(cli);

  return {
    async open(live) {
      await child?.takeOver();
      if (live !== undefined) child?.start({ atOnce: false });
    },

    watch(onLost, signal) {
      const timer = setInterval(() => void look(), WATCH_MS);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
      async function look(): Promise<void> {
        const was = proved;
        if (was === undefined) return;
        const is = await session.glance(signal, identityNow);
        if (is === undefined || is === was || proved !== was) return;
        proved = undefined;
        onLost(`Varnish runs ${is}, no longer ${was}`);
      }
    },

    reopenLogs: () => undefined, // varnishd writes none

    async check(candidate, signal) {
      return await checkVcl(candidate, {
        binary: config.binary,
        session,
        timeoutMs: config.checkTimeout,
        signal,
      });
    },

    async reload(generation, signal) {
      if (child !== undefined) {
        child.start({ atOnce: given !== generation.id });
        await untilAnswering(child, signal);
      }
      given = generation.id;
      loadedAs = await session.use(signal, async (connection) => {
        const name = newVclName(generation, await listVcls(connection));
        await load(connection, name, generation);
        await warm(connection, name, signal);
        await use(connection, name);
        await discardOutdated(connection);
        return name;
      });
    },

    async prove(generation, signal) {
      return await session.use(signal, async (connection) => {
        const active = activeOf(await listVcls(connection));
        const { body: state } = await connection.send(["status"]);
        if (active === loadedAs && /running/.test(state)) {
          const proof = await proofOf(connection, active ?? "");
          proved = proof.identity;
          return proof;
        }
        throw new AppError(
          "NOT_PROVED",
          `Cannot prove the reload as Varnish has "${active ?? "no VCL"}" active instead of "${loadedAs}", and says "${state.trim()}" (generation ${generation.number})`,
          { hint: "See whether somebody else uses Varnish's CLI, and what varnishd logs" },
        );
      });
    },

    async serves(generation, _lastProof, signal) {
      try {
        return await session.use(signal, async (connection) => {
          const isServing = await isServed(connection, generation);
          if (isServing) proved = await identityNow(connection);
          return isServing;
        });
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

  async function untilAnswering(child: SupervisedProcess, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      try {
        await session.use(signal, (connection) => connection.send(["ping"]));
        return;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "PROXY_DOWN") throw error;
        if (child.failure() !== undefined) throw childDown(child);
        if (performance.now() > deadline) throw error;
        await sleep(POLL_MS, undefined, { signal });
      }
    }
  }
}

function childDown(child: SupervisedProcess): AppError {
  const words =
    child.recentErrors().findLast((line) => /error/i.test(line)) ?? child.recentErrors().at(-1);
  return new AppError(
    "PROXY_DOWN",
    `Cannot start Varnish: ${child.failure()}: ${words ?? "it said nothing"}`,
    {
      hint: "Mend what varnishd names, or correct reload.supervise. The checked files are in place, and it is started again by itself",
    },
  );
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
  const manager = await managerOf(connection);
  return {
    evidence: `VCL ${active} is active in varnishd ${manager}`,
    identity: `${active}@${manager}`,
  };
}

/** What is active now, and in which manager: as {@link proofOf} names it. */
async function identityNow(connection: CliConnection): Promise<string> {
  const active = activeOf(await listVcls(connection));
  const { body: state } = await connection.send(["status"]);
  return `${/running/.test(state) ? active : state.trim()}@${await managerOf(connection)}`;
}

async function managerOf(connection: CliConnection): Promise<string> {
  const { body } = await connection.send(["pid"]);
  return /Master:\s*(\d+)/.exec(body)?.[1] ?? "?";
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
