import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Generation, ProxyDriver } from "../../apply/proxy-driver.ts";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { DriverOptions } from "../proxy-kind.ts";
import { openSupervision } from "../supervise/open-supervision.ts";
import type { SupervisedProcess } from "../supervise/supervised-process.ts";
import { type Activated, createActivator } from "./activate.ts";
import { isBootScript, readBootScript } from "./boot-script.ts";
import { checkParts } from "./check-parts.ts";
import { checkVcl } from "./check-vcl.ts";
import { createSession } from "./cli-session.ts";
import { createDiscarder } from "./discard-vcls.ts";
import { neededNames, servesParts } from "./load-parts.ts";
import { servesSingle } from "./load-single.ts";
import { createScratch } from "./scratch.ts";
import { type Proved, provedBy, readServed, type ServedVcl, servedIdentity } from "./served-vcl.ts";
import { activeOf, outdated } from "./vcl-list.ts";

const POLL_MS = 50;
/** How long a varnishd that was just started may take until its CLI answers. */
const START_MS = 10_000;
/** How often the driver checks whether the VCL that was proved is still the active one. */
const WATCH_MS = 2_000;

/** Checks, reloads and proves one Varnish over its CLI socket. */
export function createVarnishDriver(
  config: VarnishConfig,
  { log, state }: DriverOptions,
): ProxyDriver {
  const child = openSupervision(config, { stopSignal: "SIGTERM", state, log });
  const discarder = createDiscarder(log);
  const activator = createActivator(config, log);
  /** What the last reload activated. */
  let activated: Activated | undefined;
  /** The generation of the last reload. */
  let reloadedId: string | undefined;
  /** What was proved last. */
  let proved: Proved | undefined;
  const session = createSession(config.admin);
  const scratch = createScratch();

  return {
    async open(live) {
      scratch.noteIn(join(state, config.name));
      await child?.takeOver();
      if (live !== undefined) child?.start({ atOnce: false });
    },

    watch(onLost, signal) {
      const timer = setInterval(() => void compare(), WATCH_MS);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
      async function compare(): Promise<void> {
        const expected = proved;
        if (expected === undefined) return;
        const served = await session.useIfFree(signal, readServed);
        if (served === undefined || proved !== expected) return;
        const identity = servedIdentity(served, expected.labels);
        if (identity === expected.identity) return;
        proved = undefined;
        onLost(`Varnish runs ${identity}, no longer ${expected.identity}`);
      }
    },

    draining: () => 0, // an old VCL costs no process

    reopenLogs: () => undefined, // varnishd writes none

    async check(candidate, signal) {
      const timeoutMs = config.checkTimeout;
      const options = { binary: config.binary, session, scratch, timeoutMs, signal };
      const manifest = candidate.files.find(({ path }) => isBootScript(path));
      return manifest === undefined
        ? await checkVcl(candidate, options)
        : await checkParts(candidate, manifest, { ...options, trial: activator.trial });
    },

    async reload(generation, signal) {
      if (child !== undefined) {
        child.start({ atOnce: reloadedId !== generation.id });
        await untilAnswering(child, signal);
      }
      reloadedId = generation.id;
      activated = await session.use(signal, async (connection) => {
        const made = await activator.activate(connection, generation, signal);
        const { body: state } = await connection.send(["status"]);
        // A varnishd that was started without a VCL has no child until it gets the command `start`.
        if (/stopped/.test(state)) await connection.send(["start"]);
        return made;
      });
    },

    async prove(generation, signal) {
      return await session.use(signal, async (connection) => {
        const served = await readServed(connection);
        if (activated === undefined || !isActive(served, activated)) {
          throw notProved(served, generation);
        }
        const script = activated.kind === "parts" ? activated.script : undefined;
        const needed = script === undefined ? new Set<string>() : neededNames(script);
        await discarder.discard(connection, outdated(served.vcls, needed));
        proved = provedBy(served, script);
        return { evidence: evidenceOf(served, activated), identity: proved.identity };
      });
    },

    async serves(generation, _lastProof, signal) {
      try {
        return await session.use(signal, async (connection) => {
          const served = await readServed(connection);
          const script = await readBootScript(generation.paths);
          const isServing =
            served.down === undefined &&
            (script === undefined
              ? await servesSingle(connection, generation)
              : servesParts(served.vcls, script));
          if (isServing) proved = provedBy(served, script);
          return isServing;
        });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof AppError) return false;
        throw error;
      }
    },

    async close() {
      scratch.close();
      await child?.stop();
    },
  };

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

const isActive = ({ vcls, down }: ServedVcl, activated: Activated): boolean =>
  down === undefined &&
  (activated.kind === "single"
    ? activeOf(vcls) === activated.name
    : servesParts(vcls, activated.script));

function evidenceOf({ vcls, manager }: ServedVcl, activated: Activated): string {
  const parts =
    activated.kind === "single" ? "is" : `with ${activated.script.labels.size} parts below it is`;
  return `VCL ${activeOf(vcls)} ${parts} active in varnishd ${manager}`;
}

function notProved({ vcls, down }: ServedVcl, { number }: Generation): AppError {
  const state = down === undefined ? "" : `, and reports "${down}"`;
  return new AppError(
    "NOT_PROVED",
    `Cannot prove the reload as Varnish has "${activeOf(vcls) ?? "no VCL"}" active, not generation ${number}${state}`,
    { hint: "See whether another program uses Varnish's CLI, and what varnishd logs" },
  );
}

function childDown(child: SupervisedProcess): AppError {
  const reason =
    child.recentErrors().findLast((line) => /error/i.test(line)) ?? child.recentErrors().at(-1);
  return new AppError(
    "PROXY_DOWN",
    `Cannot start Varnish: ${child.failure()}: ${reason ?? "it printed nothing"}`,
    {
      hint: "Correct what varnishd names, or reload.supervise. The checked files are in place, and Fairlead restarts varnishd by itself",
    },
  );
}
