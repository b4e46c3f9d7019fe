import {
  createFaultIsolation,
  type FaultIsolation,
  type IsolatedRender,
  type RenderWith,
} from "../../apply/quarantine/isolate-faults.ts";
import type { IsolatedFault } from "../../apply/quarantine/record-faults.ts";
import { onceWith } from "../../apply/quarantine/render-usable.ts";
import { logEvents } from "../../apply/report/log-events.ts";
import { findQueryPlace } from "../../cases/find-query-place.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { CatalogStore } from "../../catalog/store.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { type AppError, joinErrors } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { FileTemplate } from "../../template/compile/proxy-templates.ts";
import type { Rendered, Waiting } from "../../template/render/render-proxy.ts";
import { templateError } from "../../template/template-error.ts";

const RETRY_MS = 200;

/** A complete render and its snapshot. */
export interface CompleteRender {
  readonly rendered: Rendered;
  readonly snapshot: Snapshot;
}

/** How to render once. */
export interface CompleteRenderOptions {
  /** The reader's name in the log and in the store. */
  readonly reader: string;
  readonly templates: readonly FileTemplate[];
  readonly store: CatalogStore;
  readonly log: Log;
  readonly render: (snapshot: Snapshot) => Promise<Rendered | Waiting>;
}

/**
 * Renders once all answers are there. Logs which are missing after 5 s.
 *
 * @throws {AppError} TEMPLATE, also when waiting cannot bring the missing answers: a key that does not exist, or an
 *   answer that the catalog file does not have
 */
export async function untilRendered(once: CompleteRenderOptions): Promise<CompleteRender> {
  const { reader, templates, store, log, render } = once;
  const report = logEvents(log.child({ proxy: reader }), () => store.failures());
  try {
    for (;;) {
      const snapshot = store.snapshot();
      const rendered = await render(snapshot);
      if (rendered.kind === "rendered") {
        report.complete({ problems: [] });
        return { rendered, snapshot };
      }
      const absent = absentAnswers(rendered, { snapshot, store, templates });
      if (absent.length === rendered.missing.size) throw joinErrors(absent);
      report.waiting(rendered.missing);
      const changed = nextChange(store);
      store.want(reader, rendered.asked);
      await changed;
    }
  } finally {
    report.stop();
  }
}

/** A render of the usable parts of the catalog, with what a further check of it needs. */
export interface UsableRender extends CompleteRender, Pick<IsolatedRender, "answers" | "faults"> {
  readonly isolation: FaultIsolation;
  readonly options: RenderWith;
}

/** As {@link untilRendered}, but as `fairlead run` does: without the parts of the catalog that templates cannot write. */
export async function untilUsableRendered(
  proxy: ProxyConfig,
  from: Pick<CompleteRenderOptions, "templates" | "store" | "log"> &
    Pick<Config, "values" | "environment" | "routes">,
): Promise<UsableRender> {
  const { templates, values, environment, routes: routesConfig } = from;
  const isolation = createFaultIsolation({ now: () => performance.now() });
  const options = onceWith({ templates, proxy, values, environment, routesConfig });
  let last: IsolatedRender | undefined;
  const faults: IsolatedFault[] = [];
  const once = await untilRendered({
    ...from,
    reader: proxy.name,
    async render(snapshot) {
      last = await isolation.render(snapshot, options);
      faults.push(...last.faults);
      return last.rendered;
    },
  });
  if (last === undefined) throw new Error("nothing was rendered");
  return { ...once, answers: last.answers, faults, isolation, options };
}

/** An error for each missing answer that will not come. */
function absentAnswers(
  { missing }: Waiting,
  {
    snapshot,
    store,
    templates,
  }: Pick<CompleteRenderOptions, "store" | "templates"> & { snapshot: Snapshot },
): readonly AppError[] {
  return [...missing].flatMap(([text, query]) => {
    const failure = store.failures().get(text);
    const isAnswered = snapshot.get(query) !== undefined;
    if (!isAnswered && failure?.code !== "CATALOG") return [];
    const queried = findQueryPlace(query, templates);
    const fault = {
      message: failure?.message ?? `there is no ${text}: "fairlead run" waits until there is`,
      hint: failure?.hint ?? "Write the key, or give a default with keyOr",
      place: queried?.place,
    };
    return [templateError(fault, queried?.sources ?? { file: "a template", texts: new Map() })];
  });
}

/** Resolves at the next change, or soon: a failure is no change of the catalog. */
function nextChange(store: CatalogStore): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unsubscribe();
      clearTimeout(timer);
      resolve();
    };
    const unsubscribe = store.onChange(done);
    const timer = setTimeout(done, RETRY_MS);
  });
}
