import { AppError } from "../errors.ts";
import { type BlameOptions, blameRender, type ServiceFault } from "./blame.ts";
import { type Rendered, renderProxy, type Waiting } from "./render-proxy.ts";

/** A render without the services whose data no template can write. */
export interface WellRendered {
  readonly rendered: Rendered | Waiting;
  /** Services that had to be left out beyond those that were to be left out anyway. */
  readonly faults: readonly ServiceFault[];
}

/**
 * Renders a proxy, leaving out each service whose own data makes that fail.
 *
 * @throws {AppError} TEMPLATE when the fault is the template's
 */
export function renderWell(options: BlameOptions): WellRendered {
  const faults: ServiceFault[] = [];
  for (;;) {
    const leftOut = new Set([...(options.leftOut ?? []), ...faults.map(({ service }) => service)]);
    try {
      const { templates, snapshot } = options;
      return { rendered: renderProxy(templates, snapshot, { ...options, leftOut }), faults };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
      const found = blameRender(error, { ...options, leftOut });
      // Each turn leaves out one more service at least, so that this comes to an end.
      const more = found?.filter(({ service }) => !leftOut.has(service)) ?? [];
      if (more.length === 0) throw error;
      faults.push(...more);
    }
  }
}
