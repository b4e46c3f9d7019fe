import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { CatalogStore } from "../../catalog/store.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError } from "../../errors.ts";
import type { FileTemplate } from "../../template/compile/proxy-templates.ts";
import type { BlameOptions } from "../../template/provenance/trace-render.ts";
import { createFragmentMemory } from "../../template/render/fragments.ts";
import type { Rendered, Waiting } from "../../template/render/render-proxy.ts";
import { findForeign } from "../disk/foreign-file.ts";
import { comparableView } from "../guard/comparable-view.ts";
import type { View } from "../guard/view.ts";
import type { AnswersInForce, RenderAnswers } from "../in-force/answers-in-force.ts";
import type { PipelineEvents } from "../pipeline-events.ts";
import type { ProxyDriver } from "../proxy-driver.ts";
import {
  createFaultIsolation,
  type FaultIsolation,
  type RenderFrom,
  type RenderWith,
  sourceOf,
} from "../quarantine/isolate-faults.ts";
import type { RefusedCheck } from "../quarantine/judge-candidate.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import type { IsolatedFault } from "../quarantine/record-faults.ts";
import type { PinnedAnswers } from "../state/pinned-answers.ts";

/** The renders of one proxy, each from the newest answers that are usable, and else from those in force. */
export interface Renderer extends Pick<Quarantine, "nextTryAtMs">, Pick<FaultIsolation, "list"> {
  readonly inForce: AnswersInForce;
  /**
   * Uses other templates from now on, and lets everything out of quarantine. With the reason why they cannot be used
   * it keeps those that it has. Returns whether they can.
   */
  use(templates: readonly FileTemplate[] | AppError): boolean;
  /** Why the last templates cannot be used. */
  templateFault(): AppError | undefined;
  /**
   * Renders what is usable of the newest answers; `undefined` once a refusal was logged.
   *
   * @param options.isHeld whether what was lost is kept
   */
  render(newest: Snapshot, options: HeldOption): Promise<Render | undefined>;
  /** What a render was made from, to find out where its lines come from. */
  source(render: Pick<Render, "answers" | "templates">): BlameOptions;
  /**
   * Puts the parts whose data made the proxy's check refuse into quarantine. Returns whether there were any: then the
   * check accepts the rest, which can go live at once.
   */
  quarantineCulprits(refused: Refused): Promise<boolean>;
  /** What the live generation was made from, as far as this process knows. */
  live(): LiveRender | undefined;
  /** Notes that what was rendered from these answers is live. */
  wentLive(render: LiveRender): void;
  /** What is there to compare in the view of what is live: other templates may well see another part of the catalog. */
  comparable(view: View | undefined, now: ComparedWith): View | undefined;
}

/** A render and what it was made from. */
export interface Render {
  readonly rendered: Rendered | Waiting;
  readonly answers: RenderAnswers;
  readonly templates: readonly FileTemplate[];
}

/** A render that is live. */
type LiveRender = Render & { readonly rendered: Pick<Rendered, "asked" | "removed"> };

interface HeldOption {
  readonly isHeld: boolean;
}

/** A render that the proxy's check refused. */
interface Refused extends HeldOption {
  readonly driver: ProxyDriver;
  readonly refusal: RefusedCheck;
  readonly newest: Snapshot;
  readonly answers: RenderAnswers;
  readonly asked: Rendered["asked"];
  readonly signal: AbortSignal;
}

/** What is rendered now, as far as it is compared with what is live. */
interface ComparedWith {
  readonly asked: Rendered["asked"];
  readonly snapshot: Snapshot;
}

/** What renders are made with. */
interface RendererParts {
  readonly proxy: ProxyConfig;
  readonly config: Pick<Config, "values" | "environment" | "routes">;
  readonly templates: readonly FileTemplate[] | AppError;
  readonly store: Pick<CatalogStore, "failures" | "kept">;
  /** What an earlier run had in force that was not the newest. */
  readonly pinned: PinnedAnswers;
  readonly events: () => Pick<
    PipelineEvents,
    "released" | "isolated" | "sharedAddresses" | "templateRefused"
  >;
  /** Whether Fairlead put the file at a path in place. */
  readonly owns: (path: string) => boolean;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
}

export function createRenderer(parts: RendererParts): Renderer {
  const { proxy, config, store, pinned, events, owns, now } = parts;
  const { minInstances } = proxy.guard;
  const isolation = createFaultIsolation({
    now,
    hasMinimum: (service) => (minInstances[service] ?? minInstances["*"] ?? 0) > 0,
    lingerMs: config.routes.linger,
    lingered: pinned.lingered,
    earlier: (query) => pinned.get(query) ?? store.kept(query),
  });
  const { quarantine, inForce } = isolation;
  const memory = createFragmentMemory();
  let templates: readonly FileTemplate[] | undefined;
  let templateFault: AppError | undefined;
  let live: LiveRender | undefined;
  use(parts.templates);

  return {
    list: isolation.list,
    nextTryAtMs() {
      const lingerMs = inForce.lingering().map(({ untilMs }) => now() + untilMs - Date.now());
      const times = [...lingerMs, quarantine.nextTryAtMs() ?? Number.POSITIVE_INFINITY];
      const firstMs = Math.min(...times);
      return Number.isFinite(firstMs) ? firstMs : undefined;
    },
    inForce,
    use(next) {
      const isUsable = use(next);
      if (isUsable) isolation.clear();
      return isUsable;
    },
    templateFault: () => templateFault,
    async render(newest, held) {
      events().released(isolation.release(newest));
      if (templates === undefined) return undefined;
      try {
        const { faults, rendered, answers } = await isolation.render(newest, renderWith(held));
        say(faults);
        return { answers, templates, rendered: withQuarantined(rendered) };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        events().templateRefused(error);
        return undefined;
      }
    },
    source: ({ answers, templates }) => sourceOf(answers, { ...renderFrom(), templates }),
    async quarantineCulprits({ isHeld, ...refused }) {
      const faults = await isolation.isolate({ ...refused, ...renderWith({ isHeld }) });
      say(faults ?? []);
      return faults !== undefined;
    },
    live: () => live,
    wentLive(render) {
      live = render;
      isolation.wentLive(render.answers, render.rendered);
      pinned.save(inForce.pinned(), inForce.lingering());
      events().sharedAddresses(inForce.sharedAddresses());
    },
    comparable(view, { asked, snapshot }) {
      if (view === undefined || live === undefined || live.templates === templates) return view;
      return comparableView(view, { before: inForce.asked(), now: asked, snapshot });
    },
  };

  /** What is in quarantine goes on being asked. */
  function withQuarantined<T extends Rendered | Waiting>(rendered: T): T {
    const queries = quarantine.queries();
    if (queries.size === 0) return rendered;
    return { ...rendered, asked: new Map<string, Query>([...rendered.asked, ...queries]) };
  }

  function use(next: readonly FileTemplate[] | AppError): boolean {
    templateFault = next instanceof AppError ? next : undefined;
    if (!(next instanceof AppError)) templates = next;
    return templateFault === undefined;
  }

  function renderWith({ isHeld }: HeldOption): RenderWith {
    const failures = store.failures();
    return {
      from: renderFrom(),
      isHeld,
      mayBeTemplate: live?.templates !== templates,
      isFailing: (text) => failures.has(text),
      refuse: (outputs) => findForeign(outputs, { files: proxy.files, owns }),
    };
  }

  function renderFrom(): RenderFrom {
    const { values, environment, routes: routesConfig } = config;
    return { templates: templates ?? [], proxy, values, environment, routesConfig, memory };
  }

  function say(faults: readonly IsolatedFault[]): void {
    for (const fault of faults) events().isolated(fault);
  }
}
