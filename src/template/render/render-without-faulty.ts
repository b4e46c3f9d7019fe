import type { Query } from "../../catalog/query.ts";
import { AppError } from "../../errors.ts";
import { type BlameOptions, blameRender, type ServiceFault } from "../provenance/blame.ts";
import { type Rendered, renderProxy, type Waiting } from "./render-proxy.ts";

/** A render without the services whose data no template can write. */
export interface RenderedWithoutFaulty {
  readonly rendered: Rendered | Waiting;
  /** Services that had to be left out beyond those that were to be left out anyway. */
  readonly faults: readonly ServiceFault[];
}

/**
 * Renders a proxy, leaving out each service whose own data makes that fail.
 *
 * @param mayBlame whether a service's data can be the reason; else its fault is the template's
 * @throws {AppError} TEMPLATE when the fault is the template's
 */
export function renderWithoutFaulty(
  options: BlameOptions,
  mayBlame: (service: string) => boolean = () => true,
): RenderedWithoutFaulty {
  const faults: ServiceFault[] = [];
  let first: AppError | undefined;
  for (;;) {
    const leftOut = new Set([...(options.leftOut ?? []), ...faults.map(({ service }) => service)]);
    try {
      const { templates, snapshot } = options;
      const rendered = renderProxy(templates, snapshot, { ...options, leftOut });
      if (first !== undefined && isNobodyLeft(rendered.asked, { ...options, leftOut })) throw first;
      return { rendered, faults };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "TEMPLATE" || error === first) throw error;
      first ??= error;
      const found = blameRender(error, { ...options, leftOut });
      // Each pass leaves out one more service at least, so that this comes to an end.
      const more = found?.filter(({ service }) => !leftOut.has(service)) ?? [];
      if (more.length === 0) throw error;
      const blameless = more.find(({ service }) => !mayBlame(service));
      if (blameless !== undefined) {
        throw new AppError("TEMPLATE", blameless.reason, { hint: blameless.hint, cause: error });
      }
      faults.push(...more);
    }
  }
}

/** When no service passes, the template itself is at fault. */
function isNobodyLeft(
  asked: ReadonlyMap<string, Query>,
  { snapshot, leftOut }: BlameOptions,
): boolean {
  const services = [...asked.values()].filter((it) => it.kind === "services");
  const names = services.flatMap((query) => (snapshot.get(query) ?? []).map(({ name }) => name));
  const single = [...asked.values()].flatMap((it) => (it.kind === "service" ? [it.name] : []));
  return [...names, ...single].every((name) => leftOut?.has(name) === true);
}
