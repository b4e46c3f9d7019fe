import { createReport } from "../apply/report.ts";
import type { CatalogStore } from "../catalog/store.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import type { Config } from "../config/schema.ts";
import type { Log } from "../log.ts";
import { loadProxyTemplates } from "../template/proxy-templates.ts";
import { type Rendered, renderProxy } from "../template/render-proxy.ts";

/**
 * Renders one proxy as soon as all answers are there. Says in the log what is missing after 5 s.
 *
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself
 */
export async function renderOnce(
  proxy: ProxyConfig,
  {
    config,
    store,
    log,
  }: { readonly config: Config; readonly store: CatalogStore; readonly log: Log },
): Promise<Rendered> {
  const templates = await loadProxyTemplates(proxy, config.partials);
  const report = createReport(log.child({ proxy: proxy.name }), () => store.failures());
  try {
    for (;;) {
      const snapshot = store.snapshot();
      const rendered = renderProxy(templates, snapshot, { proxy, values: config.values });
      if (rendered.kind === "rendered") {
        report.complete(rendered.problems);
        return rendered;
      }
      report.waiting(rendered.missing);
      const changed = nextChange(store);
      store.want(proxy.name, rendered.asked);
      await changed;
    }
  } finally {
    report.stop();
  }
}

function nextChange(store: CatalogStore): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = store.onChange(() => {
      unsubscribe();
      resolve();
    });
  });
}
