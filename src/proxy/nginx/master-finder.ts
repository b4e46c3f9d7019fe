import { setTimeout as sleep } from "node:timers/promises";
import type { NginxConfig } from "../../config/proxy-schema.ts";
import type { SupervisedProcess } from "../supervise/supervised-process.ts";
import { type NginxFacts, readNginxFacts } from "./nginx-facts.ts";
import { type Master, readMaster, readPid } from "./nginx-process.ts";

/** Finds the master of one nginx: Fairlead's own child, or the process that the pid file names. */
export interface MasterFinder {
  /** The pid file and the error log. Read once. */
  facts(signal: AbortSignal): Promise<NginxFacts>;
  /** The process id of what should be the master. */
  pid(signal: AbortSignal): Promise<number | undefined>;
  /** The same without a wait; `undefined` before {@link facts} were read. */
  knownPid(): number | undefined;
  /** The running master. */
  master(signal: AbortSignal): Promise<Master | undefined>;
  /** The running master. A child that was just started needs a moment until it is one. */
  untilMaster(signal: AbortSignal): Promise<Master | undefined>;
  /** What the running master was given with -p. Read once per master. */
  prefix(signal: AbortSignal): Promise<string | undefined>;
}

/** How long a master may take to appear after its start: nginx tries a taken address for 2.5 s. */
const START_MS = 10_000;
const POLL_MS = 10;

export function createMasterFinder(
  config: NginxConfig,
  child: SupervisedProcess | undefined,
): MasterFinder {
  const { reload } = config;
  const configuredPrefix = prefixIn(reload.supervise?.join(" ") ?? "");
  let facts: NginxFacts | undefined;
  let known: { readonly pid: number; readonly prefix: string | undefined } | undefined;

  return {
    facts: readFacts,
    pid: findPid,
    knownPid: () => (child === undefined ? readPid(facts?.pidFile ?? "") : child.pid()),
    master: findMaster,
    async untilMaster(signal) {
      const deadline = performance.now() + (child === undefined ? 0 : START_MS);
      for (;;) {
        const master = await findMaster(signal);
        if (master !== undefined || performance.now() > deadline) return master;
        if (child?.failure() !== undefined) return undefined;
        await sleep(POLL_MS, undefined, { signal });
      }
    },
    async prefix(signal) {
      const pid = await findPid(signal);
      if (pid === undefined) return configuredPrefix;
      if (known?.pid !== pid) known = { pid, prefix: prefixIn(readMaster(pid)?.title ?? "") };
      return known.prefix;
    },
  };

  async function readFacts(signal: AbortSignal): Promise<NginxFacts> {
    facts ??= await readNginxFacts(config, { prefix: configuredPrefix, signal });
    return facts;
  }

  async function findPid(signal: AbortSignal): Promise<number | undefined> {
    if (reload.docker !== undefined) return undefined; // another container's process ids mean nothing here
    return child === undefined ? readPid((await readFacts(signal)).pidFile) : child.pid();
  }

  async function findMaster(signal: AbortSignal): Promise<Master | undefined> {
    const pid = await findPid(signal);
    return pid === undefined ? undefined : readMaster(pid);
  }
}

/** What nginx was given with -p, from its command line. */
const prefixIn = (commandLine: string): string | undefined => / -p\s*(\S+)/.exec(commandLine)?.[1];
