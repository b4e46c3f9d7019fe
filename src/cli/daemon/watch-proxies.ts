import type { ControlledProxy } from "../../apply/controlled-proxy.ts";
import type { EventListener } from "../../apply/pipeline-events.ts";
import type { ProxyDriver } from "../../apply/proxy-driver.ts";
import type { ReconcileResult } from "../../apply/proxy-status.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { createPipeline, type Pipeline } from "../../pipeline.ts";
import { watchPaths } from "../../source/watch-paths.ts";
import { templatePath } from "../../template/compile/load-template.ts";
import { type FileTemplate, loadProxyTemplates } from "../../template/compile/proxy-templates.ts";
import { allowGrowthForLargeCatalog, allowSemiSpaceGrowth } from "./heap-growth.ts";
import { openStore, type Session } from "./open-session.ts";

/** The work on all proxies of one config. */
export interface ProxyWatch {
  readonly proxies: readonly ControlledProxy[];
  /** Rejects when one of them ends by a bug. Never resolves. */
  readonly crashed: Promise<never>;
  /** Ends the work on all proxies. Supervised proxies keep running. */
  stop(): Promise<void>;
}

/** @throws {AppError} when the source or the state directory cannot be used */
export async function watchProxies(
  { loaded, log, proxies }: Session,
  {
    driverFor,
    onReconciled,
    listenersFor,
  }: {
    readonly driverFor: (proxy: ProxyConfig, log: Log) => Promise<ProxyDriver>;
    readonly onReconciled: (proxy: string, result: ReconcileResult) => void;
    readonly listenersFor: (proxy: string) => readonly EventListener[];
  },
): Promise<ProxyWatch> {
  const ending = new AbortController();
  const { signal } = ending;
  const store = await openStore(loaded, { log, signal, keepsLastKnownGood: true });
  allowGrowthForLargeCatalog(store);
  const runs = await Promise.all(proxies.map(prepare)).catch((error: unknown) => {
    ending.abort(error); // or the watches that run already would keep the program from ending
    throw error;
  });
  const running = runs.map(({ proxy, pipeline }) =>
    pipeline.run(signal, (result) => {
      // The catalog of the start is read: from now on the heap grows for changes alone.
      if (result === "live") allowSemiSpaceGrowth();
      onReconciled(proxy.name, result);
    }),
  );
  return {
    proxies: runs.map(({ pipeline }) => pipeline),
    crashed: Promise.race(running.map(untilAborted)),
    async stop() {
      ending.abort(new Error("the daemon ends"));
      await Promise.allSettled(running);
    },
  };

  async function prepare(proxy: ProxyConfig) {
    const proxyLog = log.child({ proxy: proxy.name });
    const pipeline = await createPipeline({
      proxy,
      config: loaded.config,
      templates: await tryLoadTemplates(proxy, loaded.config.partials, proxyLog),
      store,
      driver: await driverFor(proxy, proxyLog),
      listeners: listenersFor(proxy.name),
      log: proxyLog,
    });
    watchTemplates(proxy, {
      pipeline,
      partials: loaded.config.partials,
      log: proxyLog,
      signal,
    });
    return { proxy, pipeline };
  }

  /** Rejects for a bug alone, not for the end of the daemon. */
  async function untilAborted(run: Promise<never>): Promise<never> {
    try {
      return await run;
    } catch (error) {
      if (signal.aborted) return await new Promise<never>(() => undefined);
      throw error;
    }
  }
}

/** Loads the templates, or returns why they cannot be used, which it logs. */
async function tryLoadTemplates(
  proxy: ProxyConfig,
  partials: string | undefined,
  log: Log,
): Promise<readonly FileTemplate[] | AppError> {
  try {
    return await loadProxyTemplates(proxy, partials);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    for (const it of [error, ...error.also]) {
      log.error({ result: "refused", err: it, hint: it.hint }, `refused: ${it.message}`);
    }
    return error;
  }
}

function watchTemplates(
  proxy: ProxyConfig,
  {
    pipeline,
    partials,
    log,
    signal,
  }: {
    readonly pipeline: Pipeline;
    readonly partials: string | undefined;
    readonly log: Log;
    readonly signal: AbortSignal;
  },
): void {
  const templates = proxy.files.map(({ template }) => templatePath(template));
  const files = [...new Set([...templates, ...(partials === undefined ? [] : [partials])])];
  const reload = async (changed: readonly string[]) => {
    const templates = await tryLoadTemplates(proxy, partials, log);
    if (signal.aborted) return;
    if (!(templates instanceof AppError)) {
      log.info({ files: changed }, "read the templates again");
    }
    pipeline.setTemplates(templates);
  };
  watchPaths(files, { signal, onChange: (changed) => void reload(changed) });
}
