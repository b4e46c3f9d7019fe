import type { NodeSurvey, Surveyed } from "./node-survey.ts";
import type { TrackedService } from "./tracked-services.ts";

/** Reads nodes or services one after the other all the time, so that a change which no watch reported is noticed as well. */
export interface BackgroundSweep {
  /** Reads as many as are due after `elapsedMs`. */
  step(elapsedMs: number): void;
}

/** In this time everything is read once. */
const SWEEP_MS = 300_000;
/** The same, while a list watch fails. */
const SWEEP_WHILE_FAILING_MS = 10_000;

export function createBackgroundSweep({
  tracked,
  queue,
  nodes,
  survey,
  areListsHealthy,
  onFailure,
}: Surveyed & {
  readonly survey: NodeSurvey;
  readonly areListsHealthy: () => boolean;
  /** Called when a node cannot be read. */
  readonly onFailure: () => void;
}): BackgroundSweep {
  let rest: Iterator<TrackedService> = tracked.values();
  let nodesDue = 0;
  let lastNode = -1;

  return {
    step(elapsedMs) {
      const isHealthy = areListsHealthy();
      const share = elapsedMs / (isHealthy ? SWEEP_MS : SWEEP_WHILE_FAILING_MS);
      // A list of checks that fails is not made up for by reading nodes: they have no checks.
      if (!isHealthy || !survey.isWorthIt()) {
        void queue.whenIdle(takeRest(Math.ceil(tracked.size * share)));
        return;
      }
      nodesDue += nodes().length * share;
      for (; nodesDue >= 1; nodesDue -= 1) void readNextNode();
    },
  };

  async function readNextNode(): Promise<void> {
    const all = nodes();
    lastNode = (lastNode + 1) % all.length;
    const node = all[lastNode];
    if (node !== undefined && (await survey.read(node)) === "failed") onFailure();
  }

  function takeRest(count: number): readonly TrackedService[] {
    const taken: TrackedService[] = [];
    while (taken.length < count) {
      const next = rest.next();
      if (next.done === true) {
        rest = tracked.values();
        break;
      }
      taken.push(next.value);
    }
    return taken;
  }
}
