import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import { type Backoff, backoffMs } from "../../backoff.ts";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { readProcess } from "../process-table.ts";
import { readChildRecord, removeChildRecord, writeChildRecord } from "./child-record.ts";
import { endGroup, endProcess, type GroupLeader, isRunning, send } from "./end-process.ts";

/** A proxy that Fairlead runs as its child and keeps running. */
export interface SupervisedProcess {
  /** Its process id while it runs. */
  pid(): number | undefined;
  /**
   * Takes over the process that an earlier, killed Fairlead left running with the same command. A process with
   * another command is ended.
   */
  takeOver(): Promise<void>;
  /**
   * Starts it unless it runs. From then on it is restarted whenever it ends.
   *
   * @param options.atOnce do not wait for the delay of a pending restart
   */
  start(options: { readonly atOnce: boolean }): void;
  /** How it ended, while it does not run though it was started. */
  failure(): string | undefined;
  /** The last lines that it wrote to standard error. */
  recentErrors(): readonly string[];
  /** Sends it a signal, if it runs. */
  signal(name: NodeJS.Signals): void;
  /** Ends it and every process of its group: gracefully, then by force. Resolves once they are gone. */
  stop(): Promise<void>;
}

export interface SupervisionOptions {
  /** The command, as a list of arguments; no shell. */
  readonly command: readonly string[];
  /** The signal for a graceful end, such as SIGQUIT for nginx. */
  readonly stopSignal: NodeJS.Signals;
  /** How long it may take to end gracefully. */
  readonly graceMs: number;
  /** The file that records the running process for the next start. */
  readonly recordFile: string;
  readonly log: Log;
}

const KEPT_LINES = 100;
/** Pauses before a child is restarted. */
const RESTART_BACKOFF: Backoff = { firstMs: 200, longestMs: 30_000, spread: 0 };
/** A child that ran for this long started successfully: the next restart is quick again. */
const STEADY_MS = 10_000;
/** How often a process that is not our own child is polled. */
const WATCH_MS = 200;

const FOREGROUND =
  'Run it in the foreground, such as nginx with -g "daemon off;" and varnishd with -F';

const UNKNOWN_CHILD =
  "When the proxy does not start because an earlier one still has its addresses, end the earlier one";

/** The running process: our own child, or one that an earlier Fairlead left. */
interface Running extends GroupLeader {
  readonly startedAtMs: number;
}

export function superviseProcess(options: SupervisionOptions): SupervisedProcess {
  const { command, log, recordFile } = options;
  const [file = "", ...args] = command;
  let running: Running | undefined;
  let restart: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  /** Ends in a row of a child that had not run for long. */
  let earlyEnds = 0;
  let errors: string[] = [];
  let lastEnd: string | undefined;
  let stopping = false;
  /** The ends of groups whose leader died. */
  const sweeps = new Set<Promise<void>>();
  // No process is left behind when a bug ends Fairlead.
  const lastResort = () => running !== undefined && send(running.pid, options.stopSignal);

  return {
    pid: () => running?.pid,
    async takeOver() {
      const left = readChildRecord(recordFile, ({ message }) =>
        log.warn({ hint: UNKNOWN_CHILD }, message),
      );
      if (left === undefined || running !== undefined) return;
      if (!isRunning(left)) return await endGroup(left.pid, options);
      if (isDeepStrictEqual(left.command, command)) return adopt(left);
      log.warn(
        { child: left.pid },
        "ending the process of an earlier Fairlead, as it runs with another command",
      );
      await endProcess(left, options);
    },
    start({ atOnce }) {
      if (running !== undefined || stopping || (restart !== undefined && !atOnce)) return;
      clearTimeout(restart);
      launch();
    },
    failure: () => (running === undefined ? lastEnd : undefined),
    recentErrors: () => errors,
    signal: (name) => running !== undefined && send(running.pid, name),
    async stop() {
      stopping = true;
      clearTimeout(restart);
      clearInterval(watch);
      if (running !== undefined) {
        const how = await endProcess(running, options);
        if (how !== "gracefully") {
          log.warn(
            { child: running.pid, graceMs: options.graceMs },
            `ended "${file}" ${how} as it did not end gracefully within ${options.graceMs} ms`,
          );
        }
        ended();
      }
      await Promise.all(sweeps);
      process.off("exit", lastResort);
      removeChildRecord(recordFile);
    },
  };

  function adopt(left: GroupLeader): void {
    running = { pid: left.pid, startTicks: left.startTicks, startedAtMs: performance.now() };
    process.on("exit", lastResort);
    log.warn(
      { child: left.pid },
      `took over "${command.join(" ")}", which an earlier Fairlead left running; its standard error is lost until its next start`,
    );
    watch = setInterval(() => {
      if (!isRunning(left)) died("ended");
    }, WATCH_MS);
  }

  function launch(): void {
    restart = undefined;
    errors = [];
    // A session of its own: Ctrl-C reaches Fairlead alone, and the group identifies all of its processes.
    const started = spawn(file, args, {
      stdio: ["ignore", "inherit", "pipe"],
      shell: false,
      detached: true,
    });
    keepErrors(started);
    started.once("error", (error) => died(`cannot be started: ${error.message}`));
    started.once("exit", (code, signal) =>
      died(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
    );
    const entry = started.pid === undefined ? undefined : readProcess(started.pid);
    if (entry === undefined) return;
    running = { ...entry, startedAtMs: performance.now() };
    process.on("exit", lastResort);
    note(entry);
    log.info({ child: entry.pid }, `started "${command.join(" ")}"`);
  }

  function keepErrors(started: ChildProcess): void {
    if (started.stderr === null) return;
    createInterface({ input: started.stderr }).on("line", (line) => {
      errors.push(line);
      if (errors.length > KEPT_LINES) errors.shift();
      log.info({ child: started.pid }, line);
    });
  }

  function note({ pid, startTicks }: GroupLeader): void {
    try {
      writeChildRecord(recordFile, { pid, startTicks, command: [...command] });
    } catch (error) {
      log.warn(`cannot record process ${pid} for the next start: ${messageOf(error)}`);
    }
  }

  /** It ended by itself. */
  function died(how: string): void {
    if (stopping) return;
    lastEnd = `"${file}" ${how}`;
    const ranMs = running === undefined ? 0 : performance.now() - running.startedAtMs;
    if (running !== undefined) sweep(running.pid);
    ended();
    earlyEnds = ranMs > STEADY_MS ? 0 : earlyEnds + 1;
    const restartMs = backoffMs(RESTART_BACKOFF, earlyEnds + 1, 0);
    log.error(
      { restartMs, ...(how === "ended with exit code 0" ? { hint: FOREGROUND } : {}) },
      `${lastEnd}; restarting it in ${restartMs / 1_000} s`,
    );
    restart = setTimeout(launch, restartMs);
  }

  function ended(): void {
    clearInterval(watch);
    process.off("exit", lastResort);
    running = undefined;
  }

  /** Workers whose master was killed continue to serve and hold the addresses that the next master needs. */
  function sweep(group: number): void {
    const done = endGroup(group, options).finally(() => sweeps.delete(done));
    sweeps.add(done);
  }
}
