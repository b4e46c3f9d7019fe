import { createReport } from "../apply/report.ts";
import type { Query } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { CatalogStore } from "../catalog/store.ts";
import { type AppError, joinErrors } from "../errors.ts";
import type { Log } from "../log.ts";
import type { FileTemplate } from "../template/proxy-templates.ts";
import type { Rendered, Waiting } from "../template/render-proxy.ts";
import { templateError } from "../template/template-error.ts";
import { findQuestion } from "./find-question.ts";

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
  readonly render: (snapshot: Snapshot) => Rendered | Waiting;
}

/**
 * Renders as soon as all answers are there. Says in the log what is missing after 5 s.
 *
 * @throws {AppError} TEMPLATE, also when all that is missing are keys that do not exist: nobody is there to
 *   wait for them
 */
export async function untilRendered(once: OneRender): Promise<RenderedOnce> {
  const { reader, templates, store, log, render } = once;
  const report = createReport(log.child({ proxy: reader }), () => store.failures());
  try {
    for (;;) {
      const snapshot = store.snapshot();
      const rendered = render(snapshot);
      if (rendered.kind === "rendered") {
        report.complete([]);
        return { rendered, snapshot };
      }
      if (areAllAbsent(rendered.missing, snapshot)) throw absentKeys(rendered, templates);
      report.waiting(rendered.missing);
      const changed = nextChange(store);
      store.want(reader, rendered.asked);
      await changed;
    }
  } finally {
    report.stop();
  }
}

const areAllAbsent = (missing: ReadonlyMap<string, Query>, snapshot: Snapshot): boolean =>
  [...missing.values()].every((query) => snapshot.get(query) === null);

function absentKeys({ missing }: Waiting, templates: readonly FileTemplate[]): AppError {
  const errors = [...missing].map(([text, query]) => {
    const asked = findQuestion(query, templates);
    const fault = {
      message: `there is no ${text}: "fairlead run" waits until there is`,
      hint: "Write the key, or say with keyOr what stands in for it",
      place: asked?.place,
    };
    return templateError(fault, asked?.sources ?? { file: "a template", texts: new Map() });
  });
  return joinErrors(errors);
}

function nextChange(store: CatalogStore): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = store.onChange(() => {
      unsubscribe();
      resolve();
    });
  });
}
