import type { Snapshot } from "../../catalog/snapshot.ts";
import { DEFAULT_ROUTES } from "../../config/routes-schema.ts";
import { AppError } from "../../errors.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { createRenderContext } from "../render/render-context.ts";
import { type Draft, type RenderProxyOptions, renderFiles } from "../render/render-files.ts";
import { createTrace } from "./create-trace.ts";
import type { Trace } from "./trace.ts";

/** What is rendered again to find out. */
export interface BlameOptions extends RenderProxyOptions {
  readonly templates: readonly FileTemplate[];
  readonly snapshot: Snapshot;
}

/** A render with notes of where everything comes from. */
export interface Traced {
  readonly trace: Trace;
  readonly drafts: readonly Draft[];
}

/** Renders with a trace; `undefined` while answers are missing. After a fault that ends the render there are no drafts. */
export function traceRender(options: BlameOptions): Traced | undefined {
  const trace = createTrace();
  const { environment = {}, routesConfig = DEFAULT_ROUTES, leftOut = new Set(), asked } = options;
  const context = createRenderContext(options.snapshot, {
    environment,
    routesConfig,
    leftOut,
    trace,
    asked,
  });
  try {
    const drafts = renderFiles(options.templates, context, options);
    return context.missing.size > 0 ? undefined : { trace, drafts };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return context.missing.size > 0 ? undefined : { trace, drafts: [] };
  }
}
