import { join } from "node:path";
import type { ProxyDriver } from "../../apply/proxy-driver.ts";
import type { NginxConfig } from "../../config/proxy-schema.ts";
import { runCommand } from "../command/command.ts";
import { reloadCommandFailed } from "../command/describe-failure.ts";
import type { DriverOptions } from "../proxy-kind.ts";
import { openSupervision } from "../supervise/open-supervision.ts";
import { checkNginx, checkOpens, prepareCheck } from "./check-nginx.ts";
import { createCheckTrees } from "./check-trees.ts";
import { type LogTail, tailFromNow } from "./error-log.ts";
import { createMasterFinder } from "./master-finder.ts";
import { type Master, masterIdentity, readWorkers, startedWith } from "./nginx-process.ts";
import { childDown, masterNotVisible, proxyDown } from "./no-master.ts";
import { createPrestartedCheck } from "./prestarted-check.ts";
import { answersId, proveByUrl } from "./prove-by-url.ts";
import { proveByWorkers } from "./prove-by-workers.ts";
import { signalContainer } from "./signal-container.ts";
import { signalMaster } from "./signal-master.ts";

/** What was there just before a reload. The proof is what differs afterwards. */
interface BeforeReload {
  readonly workers: ReadonlySet<number>;
  readonly log: LogTail;
}

/** How often the driver checks whether the master is still the one that was proved. */
const WATCH_MS = 1_000;

/** Checks, reloads and proves one nginx: by its master's signal, by a command, or as Fairlead's own child. */
export function createNginxDriver(config: NginxConfig, { log, state }: DriverOptions): ProxyDriver {
  const { reload, proof } = config;
  const child = openSupervision(config, { stopSignal: "SIGQUIT", state, log });
  const finder = createMasterFinder(config, child);
  const trees = createCheckTrees(config.config);
  const prestarted = createPrestartedCheck({ opens: checkOpens(config) });
  let before: BeforeReload | undefined;
  /** The generation of the last reload. */
  let reloadedId: string | undefined;
  /** The identity of the master that was proved last. */
  let proved: string | undefined;

  return {
    async open(live) {
      await trees.moveTo(join(state, config.name, "check"));
      prestarted.moveTo(join(state, config.name, "check-gate"));
      await child?.takeOver();
      if (live !== undefined) child?.start({ atOnce: false });
    },

    watch(onLost, signal) {
      const timer = setInterval(() => void compare(), WATCH_MS);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
      async function compare(): Promise<void> {
        const expected = proved;
        if (expected === undefined) return;
        const master = await finder.master(signal).catch(() => undefined);
        if (master === undefined || masterIdentity(master) === expected) return;
        if (proved !== expected) return; // a reload was proved meanwhile
        proved = undefined;
        onLost(`nginx was started again, as process ${master.pid}`);
      }
    },

    draining() {
      const pid = finder.knownPid();
      return pid === undefined ? 0 : readWorkers(pid).filter((it) => it.isDraining).length;
    },

    reopenLogs: () => child?.signal("SIGUSR1"),

    async check(candidate, signal) {
      const prefix = await finder.prefix(signal);
      const result = await checkNginx(config, candidate, {
        trees,
        prestarted,
        prefix,
        signal,
        onWarning: (line) => log.warn(`nginx accepts the candidate, but warns: ${line}`),
      });
      if (!result.ok) prepareNextCheck(prefix);
      return result;
    },

    async reload(generation, signal) {
      if (reload.docker !== undefined) {
        return await signalContainer(reload.docker, { timeoutMs: reload.timeout, signal });
      }
      const isNew = reloadedId !== generation.id;
      reloadedId = generation.id;
      // A master that is still starting cannot be signalled yet.
      const isStarting = child?.pid() !== undefined;
      const master = await (isStarting ? finder.untilMaster(signal) : finder.master(signal));
      before = await readBefore(master?.pid ?? (await finder.pid(signal)), signal);
      if (child !== undefined && master === undefined) return child.start({ atOnce: isNew });
      if (reload.command !== undefined) return await runReload(reload.command, signal);
      if (master === undefined) throw proxyDown(await finder.facts(signal));
      signalMaster(master);
    },

    async prove(generation, signal) {
      const master = await finder.untilMaster(signal);
      if (master === undefined && child !== undefined) throw childDown(child);
      if (master === undefined && proof.url === undefined)
        throw masterNotVisible(await finder.facts(signal));
      const seen = master === undefined ? undefined : await proveByMaster(master, signal);
      proved = seen?.identity;
      prepareNextCheck(await finder.prefix(signal));
      if (proof.url === undefined && seen !== undefined) return seen;
      const { timeout: timeoutMs, url = "" } = proof;
      const answered = await proveByUrl(url, { id: generation.id, timeoutMs, signal });
      const evidence = seen === undefined ? answered : `${seen.evidence}; ${answered}`;
      return { evidence, identity: seen?.identity ?? "" };
    },

    async serves(generation, lastProof, signal) {
      if (reload.docker !== undefined)
        return await answersId(proof.url ?? "", generation.id, signal);
      const master = await finder.master(signal);
      if (master === undefined) return false;
      const identity = masterIdentity(master);
      const isServed = lastProof?.identity === identity || (await startedWith(generation, master));
      if (isServed) {
        proved = identity;
        prepareNextCheck(await finder.prefix(signal));
      }
      return isServed;
    },

    async close() {
      await Promise.all([child?.stop(), trees.close(), prestarted.close()]);
    },
  };

  /** Starts the `nginx -t` of the next check, once the work at hand is done. */
  function prepareNextCheck(prefix: string | undefined): void {
    setImmediate(() => void prepareCheck(config, { trees, prestarted, prefix }));
  }

  async function readBefore(pid: number | undefined, signal: AbortSignal): Promise<BeforeReload> {
    const { errorLog } = await finder.facts(signal);
    const log = tailFromNow(errorLog);
    const workers = pid === undefined ? [] : readWorkers(pid);
    const active = workers.filter(({ isDraining }) => !isDraining);
    return { workers: new Set(active.map((worker) => worker.pid)), log };
  }

  async function proveByMaster(master: Master, signal: AbortSignal) {
    return await proveByWorkers(master, {
      before: before?.workers ?? new Set(),
      readErrors: async () => [
        ...((await before?.log.lines()) ?? []),
        ...(child?.recentErrors() ?? []),
      ],
      timeoutMs: proof.timeout,
      signal,
    });
  }

  async function runReload(argv: readonly string[], signal: AbortSignal): Promise<void> {
    const result = await runCommand(argv, { timeoutMs: reload.timeout, signal });
    if (!result.ok) throw reloadCommandFailed(argv, result);
  }
}
