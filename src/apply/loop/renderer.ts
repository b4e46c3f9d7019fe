import type { Snapshot } from "../../catalog/snapshot.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError } from "../../errors.ts";
import type { FileTemplate } from "../../template/compile/proxy-templates.ts";
import {
  type BlameOptions,
  blameOutput,
  type ServiceFault,
} from "../../template/provenance/blame.ts";
import { createFragmentMemory } from "../../template/render/fragments.ts";
import type { Rendered, Waiting } from "../../template/render/render-proxy.ts";
import { renderWithoutFaulty } from "../../template/render/render-without-faulty.ts";
import { findForeign } from "../disk/foreign-file.ts";
import { comparableView } from "../guard/comparable-view.ts";
import type { View } from "../guard/view.ts";
import type { PipelineEvents } from "../pipeline-events.ts";
import { blameCheck, type RefusedCandidate } from "../quarantine/blame-check.ts";
import { createQuarantine, type Quarantine } from "../quarantine/quarantine.ts";

/** The renders of one proxy, each without the services whose data would spoil it. */
export interface Renderer extends Pick<Quarantine, "list" | "nextTryAtMs"> {
  /**
   * Uses other templates from now on, and lets all services back in. With the reason why they cannot be used
   * it keeps those that it has. Returns whether they can.
   */
  use(templates: readonly FileTemplate[] | AppError): boolean;
  /** Why the last templates cannot be used. */
  templateFault(): AppError | undefined;
  /** Services whose data no template can write are left out. `undefined` once a refusal was said. */
  render(snapshot: Snapshot): Rendered | Waiting | undefined;
  /** What a render is made from now. */
  source(snapshot: Snapshot): BlameOptions;
  /**
   * Leaves out the services whose data made the proxy's check refuse. Returns whether the check accepts the
   * rest: then it can go live at once.
   */
  leaveOutCulprits(refused: Refused): Promise<boolean>;
  /** What the live generation was made from, as far as this process knows. */
  live(): BlameOptions | undefined;
  /** Notes that what was made from `source` is live. */
  wentLive(source: BlameOptions, asked: Rendered["asked"]): void;
  /** What is there to compare in the view of what is live: other templates may well see another part of the catalog. */
  comparable(view: View | undefined, now: ComparedWith): View | undefined;
}

/** A render that the proxy's check refused. */
interface Refused extends Pick<RefusedCandidate, "driver" | "refusal" | "from" | "signal"> {
  readonly asked: Rendered["asked"];
}

/** What is rendered now, as far as it is compared with what is live. */
interface ComparedWith {
  readonly asked: Rendered["asked"];
  readonly snapshot: Snapshot;
}

/** What renders are made with. */
interface RendererParts {
  readonly proxy: ProxyConfig;
  readonly config: Pick<Config, "values" | "environment">;
  readonly templates: readonly FileTemplate[] | AppError;
  readonly events: () => Pick<PipelineEvents, "released" | "leftOut" | "templateRefused">;
  /** Whether Fairlead put the file at a path in place. */
  readonly owns: (path: string) => boolean;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
}

export function createRenderer(parts: RendererParts): Renderer {
  const { proxy, config, events, owns, now } = parts;
  const quarantine = createQuarantine();
  const memory = createFragmentMemory();
  let templates: readonly FileTemplate[] | undefined;
  let templateFault: AppError | undefined;
  let live: BlameOptions | undefined;
  let liveAsked: Rendered["asked"] = new Map();
  use(parts.templates);

  return {
    list: quarantine.list,
    nextTryAtMs: quarantine.nextTryAtMs,
    use(next) {
      const isUsable = use(next);
      if (isUsable) quarantine.clear();
      return isUsable;
    },
    templateFault: () => templateFault,
    render(snapshot) {
      events().released(quarantine.release(snapshot, now()));
      if (templates === undefined) return undefined;
      try {
        const rendered = renderOwn(snapshot);
        const ofThoseLeftOut = quarantine.queries();
        if (ofThoseLeftOut.size === 0) return rendered;
        return { ...rendered, asked: new Map([...rendered.asked, ...ofThoseLeftOut]) };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        events().templateRefused(error);
        return undefined;
      }
    },
    source,
    async leaveOutCulprits({ asked, ...refused }) {
      const { snapshot } = refused.from;
      const isSuspect = (service: string) => isNewToLive(service, snapshot);
      const culprits = await blameCheck({ ...refused, isSuspect });
      const faults = culprits?.faults ?? [];
      if (!faults.every(({ service }) => mayBlame(service, snapshot))) return false;
      leaveOut(faults, { snapshot, asked, byCheck: true });
      return culprits?.isWell === true;
    },
    live: () => live,
    wentLive(made, asked) {
      live = made;
      liveAsked = asked;
    },
    comparable(view, { asked, snapshot }) {
      if (view === undefined || live === undefined || live.templates === templates) return view;
      return comparableView(view, { before: liveAsked, now: asked, snapshot });
    },
  };

  /** Without those services whose output would replace somebody else's file. */
  function renderOwn(snapshot: Snapshot): Rendered | Waiting {
    const { rendered, faults } = renderWithoutFaulty({ ...source(snapshot), memory }, (service) =>
      mayBlame(service, snapshot),
    );
    const { asked } = rendered;
    leaveOut(faults, { snapshot, asked, byCheck: false });
    if (rendered.kind === "waiting") return rendered;
    const foreign = findForeign(rendered.outputs, { files: proxy.files, owns });
    if (foreign === undefined) return rendered;
    const subject = blameOutput(foreign.path, source(snapshot));
    if (subject === undefined) throw foreign;
    const fault = { ...subject, reason: foreign.message, hint: foreign.hint };
    leaveOut([fault], { snapshot, asked, byCheck: true }); // until the file is gone
    return renderOwn(snapshot);
  }

  function use(next: readonly FileTemplate[] | AppError): boolean {
    templateFault = next instanceof AppError ? next : undefined;
    if (!(next instanceof AppError)) templates = next;
    return templateFault === undefined;
  }

  function source(snapshot: Snapshot): BlameOptions {
    const { values, environment } = config;
    const { leftOut } = quarantine;
    return { templates: templates ?? [], snapshot, proxy, values, environment, leftOut };
  }

  /** With a new template, a service that was live and has not changed is not at fault: the template is. */
  function mayBlame(service: string, snapshot: Snapshot): boolean {
    return live?.templates === templates || isNewToLive(service, snapshot);
  }

  /** Whether the live generation was made without the service, or from other data of it. */
  function isNewToLive(service: string, snapshot: Snapshot): boolean {
    if (live === undefined || live.leftOut?.has(service)) return true;
    const query = { kind: "service", name: service } as const;
    return live.snapshot.get(query) !== snapshot.get(query);
  }

  function leaveOut(
    faults: readonly ServiceFault[],
    from: Omit<Parameters<Quarantine["add"]>[1], "nowMs">,
  ): void {
    quarantine.add(faults, { ...from, nowMs: now() });
    for (const fault of faults) events().leftOut(fault);
  }
}
