import { isDeepStrictEqual } from "node:util";
import { NO_FILE } from "../../config/find-config.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { watchPaths } from "../../source/watch-paths.ts";
import { CONFIG_SAVED, type DaemonEvent, listenForEvents } from "../daemon/daemon-events.ts";
import { createDriverPool } from "../daemon/driver-pool.ts";
import { collectFirstResults } from "../daemon/first-results.ts";
import { holdState } from "../daemon/held-state.ts";
import { createAdminAddress } from "../daemon/open-admin-server.ts";
import { openSession, type Session } from "../daemon/open-session.ts";
import { type ProxyWatch, watchProxies } from "../daemon/watch-proxies.ts";
import type { CommandOptions } from "./command-options.ts";

/**
 * Keeps every proxy up to date until SIGTERM or SIGINT, or with `--once` until each was applied once.
 * Reads the config and the templates again at SIGHUP and when the config is saved; an invalid config leaves the
 * old one running. SIGUSR1 makes supervised proxies open their logs again.
 *
 * @returns the exit code
 * @throws {AppError} when it cannot start
 */
export async function run(options: CommandOptions, version: string): Promise<number> {
  let session = await openSession(options);
  const admin = options.once === true ? undefined : createAdminAddress(version);
  await admin?.use(session);
  const drivers = createDriverPool();
  const state = holdState();
  const first = options.once === true ? collectFirstResults(session.proxies) : undefined;
  const events = listenForEvents();
  if (process.pid === 1) warnOfZombies(session.log);
  const ending = new AbortController();
  if (first === undefined) watchConfig(session.loaded.file);
  let watch: ProxyWatch | undefined;
  try {
    watch = await start(session);
    for (;;) {
      const sources = [events.next(), watch.crashed, ...(first ? [first.complete] : [])];
      const event = await Promise.race(sources);
      if (event === "SIGUSR1") drivers.reopenLogs();
      else if (event === "SIGHUP" || event === CONFIG_SAVED) watch = await reload(watch, event);
      else return first === undefined || (event === "complete" && first.areLive()) ? 0 : 1;
    }
  } finally {
    ending.abort(new Error("the daemon ends"));
    await watch?.stop();
    await drivers.closeAll();
    await admin?.close();
    await state.release();
    // Last: a signal without a listener would end this program at once, and leave supervised proxies behind.
    events.stop();
  }

  async function start(from: Session): Promise<ProxyWatch> {
    const directory = from.loaded.config.state;
    await state.moveTo(directory);
    const started = await watchProxies(from, {
      driverFor: (proxy, log) => drivers.take(proxy, { log, state: directory }),
      onReconciled: (proxy, result) => first?.note(proxy, result),
      listenersFor: (proxy) => (admin === undefined ? [] : [admin.listenerFor(proxy)]),
    });
    admin?.show(started.proxies);
    return started;
  }

  function watchConfig(file: string): void {
    if (file === NO_FILE) return;
    watchPaths([file], { signal: ending.signal, onChange: () => events.push(CONFIG_SAVED) });
  }

  async function reload(running: ProxyWatch, event: DaemonEvent): Promise<ProxyWatch> {
    const next = await tryTo(() => openSession(options));
    if (next === undefined) return running;
    const isSame = isDeepStrictEqual(next.loaded.config, session.loaded.config);
    if (event === CONFIG_SAVED && isSame) return running;
    if (!(await tryTo(() => moveAdmin(next)))) return running;
    await running.stop();
    const started = await tryTo(() => start(next));
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

  /** The result of a part of a reload, or `undefined` when it failed, which it logs. */
  async function tryTo<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const message = `${error.message}; the old config stays in force`;
      session.log.error({ err: error, hint: error.hint }, message);
      return undefined;
    }
  }
}

function warnOfZombies(log: Log): void {
  log.warn(
    { hint: 'Install the package "tini", or run the container with an init (docker run --init)' },
    "Fairlead runs as process 1 without tini: orphaned processes stay zombies",
  );
}
