import {
  createFaultIsolation,
  type FaultIsolation,
  type IsolatedFault,
  onceWith,
  type Render,
  type RenderWith,
} from "../../apply/quarantine/isolate-faults.ts";
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

const LOOK_AGAIN_MS = 200;

/** A complete render and what it was made from. */
export interface RenderedOnce {
  readonly rendered: Rendered;
  readonly snapshot: Snapshot;
}

/** What one render is made with. */
export interface OneRender {
  /** Who asks, in the log and in the store. */
  readonly reader: string;
  readonly templates: readonly FileTemplate[];
  readonly store: CatalogStore;
  readonly log: Log;
  readonly render: (snapshot: Snapshot) => Promise<Rendered | Waiting>;
}

/**
 * Renders as soon as all answers are there. Says in the log what is missing after 5 s.
 *
 * @throws {AppError} TEMPLATE, also when what is missing will not come by waiting: a key that does not exist,
 *   or what a catalog file does not have
 */
export async function untilRendered(once: OneRender): Promise<RenderedOnce> {
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
      const absent = absences(rendered, { snapshot, store, templates });
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

/** A render of what is usable, with what is needed to ask about it further. */
export interface UsableRender extends RenderedOnce, Pick<Render, "answers" | "faults"> {
  readonly isolation: FaultIsolation;
  readonly options: RenderWith;
}

/** As {@link untilRendered}, the way `fairlead run` renders: without the parts of the catalog that no template can write. */
export async function untilUsableRendered(
  proxy: ProxyConfig,
  from: Pick<OneRender, "templates" | "store" | "log"> &
    Pick<Config, "values" | "environment" | "routes">,
): Promise<UsableRender> {
  const { templates, values, environment, routes: routesConfig } = from;
  const isolation = createFaultIsolation({ now: () => performance.now() });
  const options = onceWith({ templates, proxy, values, environment, routesConfig });
  let last: Render | undefined;
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

/** Of what is missing, that which is known not to be there. */
function absences(
  { missing }: Waiting,
  { snapshot, store, templates }: Pick<OneRender, "store" | "templates"> & { snapshot: Snapshot },
): readonly AppError[] {
  return [...missing].flatMap(([text, query]) => {
    const failure = store.failures().get(text);
    const isAnswered = snapshot.get(query) !== undefined;
    if (!isAnswered && failure?.code !== "CATALOG") return [];
    const asked = findQueryPlace(query, templates);
    const fault = {
      message: failure?.message ?? `there is no ${text}: "fairlead run" waits until there is`,
      hint: failure?.hint ?? "Write the key, or say with keyOr what stands in for it",
      place: asked?.place,
    };
    return [templateError(fault, asked?.sources ?? { file: "a template", texts: new Map() })];
  });
}

/** Failures are no change of the content: they are looked for now and then. */
function nextChange(store: CatalogStore): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unsubscribe();
      clearTimeout(timer);
      resolve();
    };
    const unsubscribe = store.onChange(done);
    const timer = setTimeout(done, LOOK_AGAIN_MS);
  });
}
