import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Generation, ProxyDriver } from "../../apply/proxy-driver.ts";
import type { NginxConfig } from "../../config/proxy-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { runCommand } from "../command/command.ts";
import { reloadCommandFailed } from "../command/describe-failure.ts";
import { openSupervision } from "../supervise/open-supervision.ts";
import { checkNginx, checkOpens, prepareCheck } from "./check-nginx.ts";
import { createCheckTrees } from "./check-trees.ts";
import { type LogTail, tailFromNow } from "./error-log.ts";
import { type NginxFacts, readNginxFacts } from "./nginx-facts.ts";
import { type Master, readMaster, readPid, readWorkers, startedAtMs } from "./nginx-process.ts";
import { childDown, masterNotVisible, proxyDown } from "./no-master.ts";
import { createPrestartedCheck } from "./prestarted-check.ts";
import { answersId, proveByUrl } from "./prove-by-url.ts";
import { masterIdentity, proveByWorkers } from "./prove-by-workers.ts";
import { signalContainer } from "./signal-container.ts";

/** What was so just before a reload: the proof is what differs afterwards. */
interface Before {
  readonly workers: ReadonlySet<number>;
  readonly log: LogTail;
}

/** How long a master may take to appear after its start: a taken address is tried for 2.5 s. */
const START_MS = 10_000;
/** How often it is looked whether the master is still the one that was proved. */
const WATCH_MS = 1_000;

/** Checks, reloads and proves one nginx: by its master's signal, by a command, or as Fairlead's own child. */
export function createNginxDriver(
  config: NginxConfig,
  { log, state }: { readonly log: Log; readonly state: string },
): ProxyDriver {
  const { reload, proof } = config;
  const child = openSupervision(config, { stopSignal: "SIGQUIT", state, log });
  const configuredPrefix = prefixIn(reload.supervise?.join(" ") ?? "");
  const trees = createCheckTrees(config.config);
  const standby = createPrestartedCheck({ opens: checkOpens(config) });
  let facts: NginxFacts | undefined;
  /** The master whose prefix is known, and that prefix. */
  let known: { readonly pid: number; readonly prefix: string | undefined } | undefined;
  let before: Before | undefined;
  /** The generation that was given to the proxy last. */
  let given: string | undefined;
  /** The master that was proved last. */
  let proved: string | undefined;

  return {
    async open(live) {
      await trees.moveTo(join(state, config.name, "check"));
      standby.moveTo(join(state, config.name, "early-log"));
      await child?.takeOver();
      if (live !== undefined) child?.start({ atOnce: false });
    },

    watch(onLost, signal) {
      const timer = setInterval(() => void look(), WATCH_MS);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
      async function look(): Promise<void> {
        const was = proved;
        const master =
          was === undefined ? undefined : await findMaster(signal).catch(() => undefined);
        if (master === undefined || masterIdentity(master) === was || proved !== was) return;
        proved = undefined;
        onLost(`nginx was started again, as process ${master.pid}`);
      }
    },

    draining() {
      const pid = child === undefined ? readPid(facts?.pidFile ?? "") : child.pid();
      return pid === undefined ? 0 : readWorkers(pid).filter((it) => it.isDraining).length;
    },

    reopenLogs: () => child?.signal("SIGUSR1"),

    async check(candidate, signal) {
      const prefix = await readPrefix(signal);
      const result = await checkNginx(config, candidate, {
        trees,
        prestarted: standby,
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
      const isNew = given !== generation.id;
      given = generation.id;
      // A master that is only just starting cannot be signalled yet.
      const master =
        child?.pid() === undefined ? await findMaster(signal) : await untilMaster(signal);
      const pid = master?.pid ?? (await findPid(signal));
      before = await lookBefore(pid, signal);
      if (child !== undefined && master === undefined) return child.start({ atOnce: isNew });
      if (reload.command !== undefined) return await runReload(reload.command, signal);
      if (master === undefined) throw proxyDown(await readFacts(signal));
      hangUp(master);
    },

    async prove(generation, signal) {
      const master = await untilMaster(signal);
      if (master === undefined && child !== undefined) throw childDown(child);
      if (master === undefined && proof.url === undefined)
        throw masterNotVisible(await readFacts(signal));
      const seen = master === undefined ? undefined : await proveByMaster(master, signal);
      proved = seen?.identity;
      prepareNextCheck(await readPrefix(signal));
      if (proof.url === undefined && seen !== undefined) return seen;
      const { timeout: timeoutMs, url = "" } = proof;
      const answered = await proveByUrl(url, { id: generation.id, timeoutMs, signal });
      const evidence = seen === undefined ? answered : `${seen.evidence}; ${answered}`;
      return { evidence, identity: seen?.identity ?? "" };
    },

    async serves(generation, lastProof, signal) {
      if (reload.docker !== undefined)
        return await answersId(proof.url ?? "", generation.id, signal);
      const master = await findMaster(signal);
      if (master === undefined) return false;
      const isServed =
        lastProof?.identity === masterIdentity(master) || (await startedWith(generation, master));
      if (isServed) {
        proved = masterIdentity(master);
        prepareNextCheck(await readPrefix(signal));
      }
      return isServed;
    },

    async close() {
      await Promise.all([child?.stop(), trees.close(), standby.close()]);
    },
  };

  /** What the running master was given with -p. Read once per master. */
  async function readPrefix(signal: AbortSignal): Promise<string | undefined> {
    const pid = await findPid(signal);
    if (pid === undefined) return configuredPrefix;
    if (known?.pid !== pid) known = { pid, prefix: prefixIn(readMaster(pid)?.title ?? "") };
    return known.prefix;
  }

  /** Once what is at hand is done, has what runs the next check wait for it. */
  function prepareNextCheck(prefix: string | undefined): void {
    setImmediate(() => void prepareCheck(config, { trees, prestarted: standby, prefix }));
  }

  async function lookBefore(pid: number | undefined, signal: AbortSignal): Promise<Before> {
    const { errorLog } = await readFacts(signal);
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

  async function readFacts(signal: AbortSignal): Promise<NginxFacts> {
    facts ??= await readNginxFacts(config, { prefix: configuredPrefix, signal });
    return facts;
  }

  async function findMaster(signal: AbortSignal): Promise<Master | undefined> {
    const pid = await findPid(signal);
    return pid === undefined ? undefined : readMaster(pid);
  }

  async function findPid(signal: AbortSignal): Promise<number | undefined> {
    if (reload.docker !== undefined) return undefined; // a number of another container's means nothing here
    return child === undefined ? readPid((await readFacts(signal)).pidFile) : child.pid();
  }

  /** A child, or a master that a command started, needs a moment until it is one. */
  async function untilMaster(signal: AbortSignal): Promise<Master | undefined> {
    const deadline = performance.now() + (child === undefined ? 0 : START_MS);
    for (;;) {
      const master = await findMaster(signal);
      if (master !== undefined || performance.now() > deadline) return master;
      if (child?.failure() !== undefined) return undefined;
      await sleep(10, undefined, { signal });
    }
  }
}

function hangUp(master: Master): void {
  try {
    process.kill(master.pid, "SIGHUP");
  } catch (cause) {
    throw new AppError(
      "RELOAD_FAILED",
      `Cannot signal nginx's master ${master.pid}: ${messageOf(cause)}`,
      {
        hint: "Run Fairlead as the user that nginx's master runs as, or with CAP_KILL",
        cause,
      },
    );
  }
}

/** Whether the master started after the generation's files were put in place: then it read them. */
async function startedWith(generation: Generation, master: Master): Promise<boolean> {
  const startedMs = startedAtMs(master.startTicks);
  const changes = await Promise.all(
    generation.paths.map(async (path) => (await stat(path)).ctimeMs),
  );
  // A start time is rounded to whole seconds at worst: within these nothing can be told.
  return changes.every((changedMs) => changedMs < startedMs - 1_000);
}

/** What nginx was given with -p, from its command line. */
const prefixIn = (commandLine: string): string | undefined => / -p\s*(\S+)/.exec(commandLine)?.[1];
