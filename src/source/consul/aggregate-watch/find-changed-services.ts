import type { ConsulContext } from "../consul-context.ts";
import { createBackgroundSweep } from "./background-sweep.ts";
import { createCheckSurvey } from "./check-survey.ts";
import { createNodeSurvey, type Surveyed } from "./node-survey.ts";
import { createNodeWatches } from "./node-watches.ts";
import { throttle } from "./throttle.ts";
import type { TrackedService } from "./tracked-services.ts";

/**
 * Finds which services changed when a list woke up without naming one: a service's meta, weights, address or port
 * changed, or an instance came or went.
 *
 * Where there are far fewer nodes than services, the services of each node name those that changed: at once where
 * sockets allow a watch on each node, else by reading all nodes. Where there are more nodes, the list of all checks
 * soon names most of them, and then the index of every service is read: that misses nothing either, and takes longer
 * the more services there are.
 */
export interface ChangeFinder {
  /** Something about a service or a node changed, at this index of Consul. */
  find(index: bigint): void;
  /** The same, but it is known already what: the rest may wait. */
  findLater(index: bigint): void;
  /** The set of nodes changed, or what was read of services before no longer counts. */
  forget(): void;
}

const TICK_MS = 1_000;
/** After each pass there is a rest of this many times as long as the pass took, but no longer than a few seconds. */
const CHECKS_REST = 4;
const SWEEP_REST = 2;
const SURVEY_REST = 2;
const SWEEP_REST_AT_LEAST_MS = 200;
const REST_AT_MOST_MS = 3_000;
const LATER_MS = 2_000;
const TOO_EARLY_MS = 250;

export function createChangeFinder(
  context: ConsulContext,
  options: Surveyed & {
    readonly areListsHealthy: () => boolean;
    /** Whether there are sockets to watch that many nodes; then they are watched. */
    readonly claimSockets: (nodes: number) => boolean;
  },
): ChangeFinder {
  const { tracked, queue, nodes, areListsHealthy, signal } = options;
  const { clock } = context;
  const survey = createNodeSurvey(context, options);
  const checkSurvey = createCheckSurvey(context, options);
  const nodeWatches = createNodeWatches(context, {
    datacenter: options.datacenter,
    signal,
    onAnswer(node, answer) {
      if (survey.takeAnswer(node, answer) === "too early") clock.after(TOO_EARLY_MS, surveyNodes);
    },
    onEnd() {
      // Where a list fails as well, everything is read again once it works.
      if (areListsHealthy()) surveyNodes();
    },
  });
  let changeIndex = 0n;
  let checksRead: Promise<void> = Promise.resolve();

  const readChecks = throttle(
    async () => {
      checksRead = checkSurvey.read();
      await checksRead;
    },
    { clock, restMs: (tookMs) => Math.min(REST_AT_MOST_MS, tookMs * CHECKS_REST) },
  );
  const sweep = throttle(
    async () => {
      await checksRead;
      await queue.whenIdle([...tracked.values()].toSorted(byLastChange));
    },
    { clock, restMs: sweepRestMs },
  );
  const surveyNodes = throttle(
    async () => {
      const result = await survey.readAll(changeIndex);
      if (result === "failed") sweep();
      if (result === "too early") clock.after(TOO_EARLY_MS, surveyNodes);
    },
    { clock, restMs: (tookMs) => Math.min(REST_AT_MOST_MS, tookMs * SURVEY_REST) },
  );
  const background = createBackgroundSweep({ ...options, survey, onFailure: sweep });
  tick();
  return {
    forget: survey.forget,
    find(index) {
      changeIndex = index;
      if (nodeWatches.cover(nodes())) return;
      if (survey.isWorthIt()) return surveyNodes();
      readChecks();
      sweep();
    },
    findLater(index) {
      changeIndex = index;
      if (nodeWatches.cover(nodes())) return;
      if (survey.isWorthIt()) surveyNodes();
      else clock.after(LATER_MS, sweep);
    },
  };

  function tick(): void {
    if (signal.aborted) return;
    watchNodes();
    if (queue.isIdle()) background.step(TICK_MS);
    const cancel = clock.after(TICK_MS, () => {
      signal.removeEventListener("abort", cancel);
      tick();
    });
    signal.addEventListener("abort", cancel, { once: true });
  }

  function watchNodes(): void {
    const isUseful = survey.isWorthIt() && areListsHealthy() && !nodeWatches.areResting();
    const all = isUseful ? nodes() : [];
    if (all.length === 0 || !options.claimSockets(all.length)) {
      options.claimSockets(0);
      nodeWatches.follow([]);
    } else if (queue.isIdle()) nodeWatches.follow(all); // the reads of a start cover all nodes
  }
}

const sweepRestMs = (tookMs: number): number =>
  Math.min(REST_AT_MOST_MS, Math.max(SWEEP_REST_AT_LEAST_MS, tookMs * SWEEP_REST));

const byLastChange = (a: TrackedService, b: TrackedService): number =>
  b.changedAtMs - a.changedAtMs;
