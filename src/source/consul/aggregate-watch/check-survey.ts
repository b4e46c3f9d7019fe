import { checksRequest } from "../api-requests.ts";
import { checksIn } from "../consul-answer.ts";
import { type ConsulContext, expectedError } from "../consul-context.ts";
import { indexOf, jsonOf, requestConsul } from "../consul-request.ts";
import type { Surveyed } from "./node-survey.ts";
import type { TrackedService } from "./tracked-services.ts";

/** Finds services that changed by the list of all checks: it names most of them soon. */
export interface CheckSurvey {
  /** Reads the services whose checks changed. A failure is left to the sweep over all services. */
  read(): Promise<void>;
}

export function createCheckSurvey(
  { client, config, reads }: ConsulContext,
  { datacenter, tracked, queue, signal }: Surveyed,
): CheckSurvey {
  const request = checksRequest("any", datacenter);
  let before: ChecksByService | undefined;
  return {
    async read() {
      const how = { config, index: 0n, waitMs: 0, signal };
      try {
        const answer = await reads.run(signal, () => requestConsul(client, request, how));
        indexOf(answer);
        const after = checksByService(jsonOf(answer));
        for (const entry of changedServices({ before, after }, tracked.values())) queue.soon(entry);
        before = after;
      } catch (error) {
        if (!signal.aborted) expectedError(error);
      }
    },
  };
}

interface ServiceChecks {
  /** The index of the latest change to one of them. */
  readonly changedAt: number;
  readonly count: number;
}

type ChecksByService = ReadonlyMap<string, ServiceChecks>;

/** Reads the body of `/v1/health/state/any`. @throws {AppError} CONSUL */
function checksByService(body: unknown): ChecksByService {
  const services = new Map<string, { changedAt: number; count: number }>();
  for (const check of checksIn(body)) {
    const service = String(check["ServiceName"]);
    const index = Number(check["ModifyIndex"]);
    const known = services.get(service);
    if (known === undefined) services.set(service, { changedAt: index, count: 1 });
    else {
      known.count += 1;
      known.changedAt = Math.max(known.changedAt, index);
    }
  }
  return services;
}

/**
 * Services whose last answer is older than one of their checks, or which have more or fewer checks than in the
 * list before.
 */
function changedServices(
  {
    before,
    after,
  }: { readonly before: ChecksByService | undefined; readonly after: ChecksByService },
  entries: Iterable<TrackedService>,
): readonly TrackedService[] {
  const isChanged = ({ name, index = 0n }: TrackedService): boolean =>
    BigInt(after.get(name)?.changedAt ?? 0) > index ||
    (before !== undefined && before.get(name)?.count !== after.get(name)?.count);
  return [...entries].filter(isChanged);
}
