import { renderUsable } from "../../apply/quarantine/isolate-faults.ts";
import { type Query, queryText } from "../../catalog/query.ts";
import type { CatalogStore } from "../../catalog/store.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError, explainError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { recordCatalog } from "../../source/file/record-catalog.ts";
import { loadProxyTemplates } from "../../template/compile/proxy-templates.ts";
import { openSession, openStore } from "../daemon/open-session.ts";
import { untilRendered } from "../daemon/until-rendered.ts";
import type { CommandOptions } from "./command-options.ts";

/** Prints what the templates ask, and what they are answered, as a catalog file. Returns the exit code. */
export async function snapshot(options: CommandOptions): Promise<number> {
  const { loaded, log, proxies } = await openSession(options);
  const ending = new AbortController();
  try {
    const store = await openStore(loaded, { log, signal: ending.signal });
    const asked = new Map<string, Query>();
    for (const proxy of proxies) {
      for (const query of await askAll(proxy, { config: loaded.config, store, log })) {
        asked.set(queryText(query), query);
      }
    }
    const answers = store.snapshot();
    const recorded = [...asked.values()].flatMap((query) => {
      const value = answers.get(query);
      return value === undefined ? [] : [{ query, value }];
    });
    process.stdout.write(`${HEAD}${recordCatalog(recorded)}`);
    return 0;
  } finally {
    ending.abort(new Error("done"));
  }
}

const HEAD =
  "# Recorded by fairlead snapshot. Use it with --catalog, or as a catalog of fairlead test.\n";

/**
 * Everything that a proxy's templates ask on the way to a complete render. A render that fails in the end is
 * said on standard error: what breaks a template is worth recording.
 */
async function askAll(
  proxy: ProxyConfig,
  {
    config,
    store,
    log,
  }: { readonly config: Config; readonly store: CatalogStore; readonly log: Log },
): Promise<Iterable<Query>> {
  const templates = await loadProxyTemplates(proxy, config.partials);
  const asked = new Map<string, Query>();
  try {
    await untilRendered({
      reader: proxy.name,
      templates,
      store,
      log,
      async render(from) {
        const { rendered } = await renderUsable({
          templates,
          snapshot: from,
          proxy,
          values: config.values,
          environment: config.environment,
          routesConfig: config.routes,
        });
        // Also what an earlier look asked: a service that is left out at last is not asked for again.
        for (const [text, query] of rendered.asked) asked.set(text, query);
        return rendered;
      },
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
    process.stderr.write(
      `${explainError(error)}What "${proxy.name}" asked until then is recorded.\n`,
    );
  }
  return asked.values();
}
