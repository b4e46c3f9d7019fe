import { type ConsulContext, expected } from "../consul-context.ts";
import { indexOf, jsonOf, requestConsul } from "../consul-request.ts";
import { checksQuestion } from "../read-query.ts";
import { type AllChecks, namedByChecks, parseAllChecks } from "./all-checks.ts";
import { createNodeSurvey, type Surveyed } from "./node-survey.ts";
import { createNodeWatches } from "./node-watches.ts";
import { throttle } from "./throttle.ts";
import type { TrackedService } from "./tracked-services.ts";

/**
 * Finds which service rang when the bell does not tell: a service's meta, weights, address or port, or an
 * instance more or less.
 *
 * Where there are far fewer nodes than services, what each node runs tells which services changed: at once where there
 * are sockets to listen to each node, else by looking at them all. Where there are more nodes, the list of all checks
 * names most of them soon, and then the index of every service is looked at: that misses nothing either, and takes as
 * long as there are services.
 */
export interface ChangedServices {
  /** Something about a service or a node changed, at this index of Consul. */
  seek(index: bigint): void;
  /** The same, but it is known already what: the rest may wait. */
  seekLater(index: bigint): void;
  /** Which nodes are there, or what was read of services before does not count any more. */
  forget(): void;
}

/** Services are looked at one after the other all the time, so that also a bell which did not ring is noticed. */
const LOOK_AT_ALL_MS = 300_000;
/** The same, while a bell fails. */
const LOOK_AT_ALL_UNTOLD_MS = 10_000;
const TICK_MS = 1_000;
/** After what a look took, it rests this many times as long, but no longer than a few seconds. */
const CHECKS_REST = 4;
const SWEEP_REST = 2;
const SURVEY_REST = 2;
const SWEEP_REST_AT_LEAST_MS = 200;
const REST_AT_MOST_MS = 3_000;
const LATER_MS = 2_000;
const TOO_EARLY_MS = 250;

export function createChangedServices(
  context: ConsulContext,
  options: Surveyed & {
    /** Whether all bells work. */
    readonly isTold: () => boolean;
    /** Whether there are sockets to listen to so many nodes; then they are listened to. */
    readonly claimSockets: (nodes: number) => boolean;
  },
): ChangedServices {
  const { datacenter, book, queue, signal } = options;
  const { clock } = context;
  const survey = createNodeSurvey(context, options);
  const nodeBells = createNodeWatches(context, {
    datacenter,
    signal,
    onAnswer(node, answer) {
      if (survey.heard(node, answer) === "too early") clock.after(TOO_EARLY_MS, surveyNodes);
    },
    onDeaf() {
      // Where a bell fails as well, everything is read anew once it works again.
      if (options.isTold()) surveyNodes();
    },
  });
  let checks: AllChecks | undefined;
  let rest: Iterator<TrackedService> = book.values();
  let soughtIndex = 0n;
  let nodesDue = 0;
  let nextNode = -1;
  let reading: Promise<void> = Promise.resolve();

  const readChecks = throttle(
    async () => {
      reading = nameByChecks();
      await reading;
    },
    { clock, restMs: (tookMs) => Math.min(REST_AT_MOST_MS, tookMs * CHECKS_REST) },
  );
  const sweep = throttle(
    async () => {
      await reading;
      await queue.whenIdle([...book.values()].toSorted(byLastChange));
    },
    {
      clock,
      restMs: (tookMs) =>
        Math.min(REST_AT_MOST_MS, Math.max(SWEEP_REST_AT_LEAST_MS, tookMs * SWEEP_REST)),
    },
  );
  const surveyNodes = throttle(
    async () => {
      const outcome = await survey.look(soughtIndex);
      if (outcome === "failed") sweep();
      if (outcome === "too early") clock.after(TOO_EARLY_MS, surveyNodes);
    },
    { clock, restMs: (tookMs) => Math.min(REST_AT_MOST_MS, tookMs * SURVEY_REST) },
  );
  tick();
  return {
    forget: survey.forget,
    seek(index) {
      soughtIndex = index;
      if (nodeBells.tell(options.nodes())) return;
      if (survey.isWorthIt()) return surveyNodes();
      readChecks();
      sweep();
    },
    seekLater(index) {
      soughtIndex = index;
      if (nodeBells.tell(options.nodes())) return;
      if (survey.isWorthIt()) surveyNodes();
      else clock.after(LATER_MS, sweep);
    },
  };

  /** Reads the services whose checks changed. Any failure is left to the sweep. */
  async function nameByChecks(): Promise<void> {
    const question = checksQuestion("any", datacenter);
    const ask = { config: context.config, index: 0n, waitMs: 0, signal };
    try {
      const answer = await context.reads.run(signal, () =>
        requestConsul(context.client, question, ask),
      );
      indexOf(answer);
      const now = parseAllChecks(jsonOf(answer));
      for (const entry of namedByChecks({ before: checks, after: now }, book.values())) {
        queue.soon(entry);
      }
      checks = now;
    } catch (error) {
      if (!signal.aborted) expected(error);
    }
  }

  function tick(): void {
    if (signal.aborted) return;
    listenToNodes();
    if (queue.isIdle()) lookAfter();
    const cancel = clock.after(TICK_MS, () => {
      signal.removeEventListener("abort", cancel);
      tick();
    });
    signal.addEventListener("abort", cancel, { once: true });
  }

  function listenToNodes(): void {
    const isUseful = survey.isWorthIt() && options.isTold() && !nodeBells.isResting();
    const all = isUseful ? options.nodes() : [];
    if (all.length === 0 || !options.claimSockets(all.length)) {
      options.claimSockets(0);
      nodeBells.follow([]);
    } else if (queue.isIdle()) nodeBells.follow(all); // what a start has read says the same of all nodes
  }

  /** Looks at some nodes, or services, so that all have their turn in time. */
  function lookAfter(): void {
    const isTold = options.isTold();
    const share = TICK_MS / (isTold ? LOOK_AT_ALL_MS : LOOK_AT_ALL_UNTOLD_MS);
    // What a bell that fails would tell of checks, nodes do not tell.
    if (!isTold || !survey.isWorthIt()) {
      void queue.whenIdle(takeRest(Math.ceil(book.size * share)));
      return;
    }
    nodesDue += options.nodes().length * share;
    for (; nodesDue >= 1; nodesDue -= 1) void lookAtNextNode();
  }

  async function lookAtNextNode(): Promise<void> {
    const all = options.nodes();
    nextNode = (nextNode + 1) % all.length;
    const node = all[nextNode];
    if (node !== undefined && (await survey.lookAt(node)) === "failed") sweep();
  }

  function takeRest(count: number): readonly TrackedService[] {
    const taken: TrackedService[] = [];
    while (taken.length < count) {
      const next = rest.next();
      if (next.done === true) {
        rest = book.values();
        break;
      }
      taken.push(next.value);
    }
    return taken;
  }
}

const byLastChange = (a: TrackedService, b: TrackedService): number =>
  b.changedAtMs - a.changedAtMs;
