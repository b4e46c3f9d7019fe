import { setTimeout as sleep } from "node:timers/promises";
import type { Proof } from "../../apply/proxy-driver.ts";
import { AppError } from "../../errors.ts";
import { type Master, masterIdentity, readMaster, readWorkers } from "./nginx-process.ts";

/** The next poll comes after a tenth of the time that has passed: an nginx with thousands of routes takes a second. */
const POLL_SHARE = 0.1;
const POLL_AT_LEAST_MS = 10;
/** A master asks its old workers to end 100 ms after it started new ones. Source: ngx_master_process_cycle(). */
const HANDOVER_MS = 100;

interface Evidence {
  /** Active workers just before the reload. */
  readonly before: ReadonlySet<number>;
  /** Lines of the error log since the reload. */
  readonly readErrors: () => Promise<readonly string[]>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves once the master has new workers and the old ones drain.
 *
 * A master that accepts a new configuration starts workers with it and only then asks the old ones to end.
 * A master that refuses it keeps its workers and writes the reason to the error log. A worker that replaces one that
 * died is new as well, but the other old workers stay.
 *
 * @throws {AppError} NOT_PROVED, with nginx's own line
 */
export async function proveByWorkers(master: Master, evidence: Evidence): Promise<Proof> {
  const begin = performance.now();
  await sleep(evidence.before.size === 0 ? 0 : HANDOVER_MS, undefined, { signal: evidence.signal });
  for (;;) {
    const workers = readWorkers(master.pid);
    const fresh = workers.filter(({ pid, isDraining }) => !isDraining && !evidence.before.has(pid));
    const stale = workers.filter(({ pid, isDraining }) => !isDraining && evidence.before.has(pid));
    if (fresh.length > 0 && stale.length === 0)
      return proofOf(master, workers.length, fresh.length);
    const errors = (await evidence.readErrors()).filter((line) => isOf(master, line));
    if (errors.some(isFinal)) throw refused(errors);
    const passedMs = performance.now() - begin;
    if (passedMs > evidence.timeoutMs) throw timedOut(errors, evidence.timeoutMs);
    if (readMaster(master.pid) === undefined) throw masterGone(master, errors);
    const restMs = Math.max(POLL_AT_LEAST_MS, passedMs * POLL_SHARE);
    await sleep(restMs, undefined, { signal: evidence.signal });
  }
}

function proofOf(master: Master, all: number, fresh: number): Proof {
  const draining = all === fresh ? "" : `, ${all - fresh} draining`;
  return {
    evidence: `${fresh} new ${fresh === 1 ? "worker" : "workers"} of master ${master.pid}${draining}`,
    identity: masterIdentity(master),
  };
}

/** nginx tries a taken address five times over 2.5 s before it gives up. Source: ngx_open_listening_sockets(). */
const isFinal = (line: string): boolean =>
  line.includes("[emerg]") && !/ bind\(\) to .* failed/.test(line);

const isOf = (master: Master, line: string): boolean =>
  /\[(emerg|alert|crit)\]/.test(line) && line.includes(`] ${master.pid}#`);

function refused(errors: readonly string[]): AppError {
  const reason = explanation(errors);
  return new AppError(
    "NOT_PROVED",
    `Cannot prove the reload as nginx kept its old configuration: ${reason}`,
    {
      hint: reason.includes("Address already in use")
        ? "Free the address, or remove it from the template; Fairlead tries again by itself"
        : "Correct what nginx names; Fairlead tries again by itself",
    },
  );
}

function timedOut(errors: readonly string[], timeoutMs: number): AppError {
  const reason = errors.length === 0 ? "nginx logged nothing" : explanation(errors);
  return new AppError(
    "NOT_PROVED",
    `Cannot prove the reload as no new workers came within ${timeoutMs} ms: ${reason}`,
    {
      hint: "See nginx's error log; raise proof.timeout if its configuration takes this long to load",
    },
  );
}

function masterGone(master: Master, errors: readonly string[]): AppError {
  const reason = errors.length === 0 ? "" : `: ${explanation(errors)}`;
  return new AppError(
    "NOT_PROVED",
    `Cannot prove the reload as nginx's master ${master.pid} ended${reason}`,
    {
      hint: "Start nginx again; Fairlead reloads it as soon as it runs",
    },
  );
}

/** The first line names the reason; "still could not bind()" only repeats it. */
const explanation = (errors: readonly string[]): string =>
  (errors.find((line) => line.includes("[emerg]")) ?? errors[0] ?? "").replace(
    /^.*?(\[(emerg|alert|crit)\]) (\d+#\d+: )?/,
    "$1 ",
  );
