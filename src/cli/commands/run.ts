import { isDeepStrictEqual } from "node:util";
import { lockState, type StateLock } from "../../apply/disk/state-lock.ts";
import type { ProxyDriver } from "../../apply/proxy-driver.ts";
import type { ReconcileResult } from "../../apply/proxy-status.ts";
import { NO_FILE } from "../../config/find-config.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { openDriver } from "../../proxy/proxy-kinds.ts";
import { watchPaths } from "../../source/watch-paths.ts";
import { createAdminAddress } from "../daemon/open-admin-server.ts";
import { openSession, type Session } from "../daemon/open-session.ts";
import { SIGNALS, type SignalName } from "../daemon/signals.ts";
import { type ProxyWatch, watchProxies } from "../daemon/watch-proxies.ts";
import type { CommandOptions } from "./command-options.ts";

/**
 * Keeps every proxy up to date until SIGTERM or SIGINT, or with `--once` until each was applied once.
 * A saved config, and SIGHUP, make it read the config and the templates again; an invalid config leaves the
 * old one running. SIGUSR1 lets supervised proxies open their logs anew.
 *
 * @returns the exit code
 * @throws {AppError} when it cannot start
 */
export async function run(options: CommandOptions, version: string): Promise<number> {
  let session = await openSession(options);
  const admin = options.once === true ? undefined : createAdminAddress(version);
  await admin?.use(session);
  const drivers = createDriverPool();
  const state = createStateHold();
  const once = options.once === true ? collectFates(session.proxies) : undefined;
  const signals = listenForSignals();
  if (process.pid === 1) warnOfZombies(session.log);
  const ending = new AbortController();
  if (once === undefined) watchConfig(session.loaded.file);
  let watch: ProxyWatch | undefined;
  try {
    watch = await start(session);
    for (;;) {
      const event = await Promise.race([
        signals.next(),
        watch.crashed,
        ...(once === undefined ? [] : [once.done]),
      ]);
      if (event === "SIGUSR1") drivers.reopenLogs();
      else if (event === "SIGHUP" || event === SAVED) watch = await reload(watch, event);
      else return once === undefined ? 0 : await once.exitCode(event);
    }
  } finally {
    ending.abort(new Error("asked to end"));
    await watch?.stop();
    await drivers.closeAll();
    await admin?.close();
    await state.release();
    // Not before: a signal that nothing listens to ends this program at once, and leaves supervised proxies behind.
    signals.stop();
  }

  async function start(from: Session): Promise<ProxyWatch> {
    await state.move(from.loaded.config.state);
    const started = await watchProxies(from, {
      driverFor: (proxy, log) => drivers.take(proxy, { log, state: from.loaded.config.state }),
      onReconciled: (proxy, result) => once?.note(proxy, result),
      observersOf: (proxy) => (admin === undefined ? [] : [admin.listenerFor(proxy)]),
    });
    admin?.speakFor(started.proxies);
    return started;
  }

  function watchConfig(file: string): void {
    if (file === NO_FILE) return;
    watchPaths([file], { signal: ending.signal, onChange: () => signals.push(SAVED) });
  }

  async function reload(running: ProxyWatch, event: Event): Promise<ProxyWatch> {
    const next = await said(() => openSession(options));
    if (next === undefined) return running;
    const isSame = isDeepStrictEqual(next.loaded.config, session.loaded.config);
    if (event === SAVED && isSame) return running;
    if (!(await said(() => moveAdmin(next)))) return running;
    await running.stop();
    const started = await said(() => start(next));
    if (started === undefined) return await start(session);
    session = next;
    await drivers.closeUnused(next.proxies);
    next.log.info("read the config again");
    return started;
  }

  async function moveAdmin(next: Session): Promise<true> {
    try {
      await admin?.use(next);
      return true;
    } catch (error) {
      await admin?.use(session);
      throw error;
    }
  }

  /** The result, or `undefined` once its failure was said. */
  async function said<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      session.log.error(
        { err: error, hint: error.hint },
        `${error.message}; the old config stays in force`,
      );
      return undefined;
    }
  }
}

function warnOfZombies(log: Log): void {
  log.warn(
    { hint: 'Install the package "tini", or run the container with an init (docker run --init)' },
    "runs as process 1 and finds no tini: processes that are orphaned here stay zombies",
  );
}

/** Drivers outlive a config that is read again: a supervised proxy goes on running. */
function createDriverPool() {
  const pool = new Map<string, { readonly proxy: ProxyConfig; readonly driver: ProxyDriver }>();
  return {
    async take(
      proxy: ProxyConfig,
      options: { readonly log: Log; readonly state: string },
    ): Promise<ProxyDriver> {
      const known = pool.get(proxy.name);
      if (known !== undefined && isDeepStrictEqual(known.proxy, proxy)) return known.driver;
      await known?.driver.close();
      const driver = await openDriver(proxy, options);
      pool.set(proxy.name, { proxy, driver });
      return driver;
    },
    async closeUnused(used: readonly ProxyConfig[]): Promise<void> {
      for (const [name, { driver }] of pool) {
        if (used.some((proxy) => proxy.name === name)) continue;
        pool.delete(name);
        await driver.close();
      }
    },
    reopenLogs(): void {
      for (const { driver } of pool.values()) driver.reopenLogs();
    },
    async closeAll(): Promise<void> {
      await Promise.all([...pool.values()].map(({ driver }) => driver.close()));
    },
  };
}

/** The config's file has other content. */
const SAVED = "saved";
type Event = SignalName | typeof SAVED;

/** One state directory at a time: with another config it may be another one. */
function createStateHold() {
  let held: { readonly directory: string; readonly lock: StateLock } | undefined;
  return {
    async move(directory: string): Promise<void> {
      if (held?.directory === directory) return;
      const lock = await lockState(directory);
      await held?.lock.release();
      held = { directory, lock };
    },
    release: async () => await held?.lock.release(),
  };
}

function listenForSignals() {
  const queue: Event[] = [];
  let wake: () => void = () => undefined;
  const listeners = SIGNALS.map((name) => {
    const listener = () => push(name);
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return {
    push,
    async next(): Promise<Event> {
      while (queue.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return queue.shift() as Event;
    },
    stop: () => {
      for (const off of listeners) off();
    },
  };

  function push(event: Event): void {
    queue.push(event);
    wake();
  }
}

/** With `--once`: the first final result of each proxy. */
function collectFates(proxies: readonly ProxyConfig[]) {
  const results = new Map<string, ReconcileResult>();
  let finish: (event: "done") => void = () => undefined;
  const done = new Promise<"done">((resolve) => {
    finish = resolve;
  });
  return {
    done,
    note(proxy: string, result: ReconcileResult) {
      if (result !== "waiting" && result !== "superseded" && !results.has(proxy))
        results.set(proxy, result);
      if (results.size === proxies.length) finish("done");
    },
    async exitCode(event: string): Promise<number> {
      const well = [...results.values()].every(
        (result) => result === "live" || result === "unchanged",
      );
      return event === "done" && well ? 0 : 1;
    },
  };
}
