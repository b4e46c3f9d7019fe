import { renderUsable } from "../../apply/quarantine/render-usable.ts";
import { type Query, queryText } from "../../catalog/query.ts";
import type { CatalogStore } from "../../catalog/store.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError, formatError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { recordCatalog } from "../../source/file/record-catalog.ts";
import { loadProxyTemplates } from "../../template/compile/proxy-templates.ts";
import { openSession, openStore } from "../daemon/open-session.ts";
import type { CommandOptions } from "./command-options.ts";
import { untilRendered } from "./until-rendered.ts";

/** Prints the templates' queries with their answers as a catalog file. Returns the exit code. */
export async function snapshot(options: CommandOptions): Promise<number> {
  const { loaded, log, proxies } = await openSession(options);
  const ending = new AbortController();
  try {
    const store = await openStore(loaded, { log, signal: ending.signal });
    const queries = new Map<string, Query>();
    for (const proxy of proxies) {
      for (const query of await collectQueries(proxy, { config: loaded.config, store, log })) {
        queries.set(queryText(query), query);
      }
    }
    const answers = store.snapshot();
    const recorded = [...queries.values()].flatMap((query) => {
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
 * Collects every query of a proxy's templates until their render is complete. It only prints an error of a template, as
 * the catalog that causes it is worth recording.
 */
async function collectQueries(
  proxy: ProxyConfig,
  {
    config,
    store,
    log,
  }: { readonly config: Config; readonly store: CatalogStore; readonly log: Log },
): Promise<Iterable<Query>> {
  const templates = await loadProxyTemplates(proxy, config.partials);
  const queries = new Map<string, Query>();
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
        // Queries of earlier renders count too: the last one has none for a service that is left out.
        for (const [text, query] of rendered.asked) queries.set(text, query);
        return rendered;
      },
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
    process.stderr.write(
      `${formatError(error)}The queries of "${proxy.name}" before that are recorded.\n`,
    );
  }
  return queries.values();
}
