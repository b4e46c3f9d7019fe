import { AppError } from "../../../errors.ts";
import type { TrackedService } from "./tracked-services.ts";

/** What the list of all checks tells of one service. */
interface ServiceChecks {
  /** The index of the latest change to one of them. */
  readonly changedAt: number;
  readonly count: number;
}

/** The checks of each service. */
export type AllChecks = ReadonlyMap<string, ServiceChecks>;

/** Reads the body of `/v1/health/state/any`. @throws {AppError} CONSUL */
export function parseAllChecks(body: unknown): AllChecks {
  if (!Array.isArray(body)) {
    throw new AppError("CONSUL", "Cannot use Consul's list of checks as it is not a list", {
      hint: "See that consul.address is a Consul agent, and what stands between",
    });
  }
  const services = new Map<string, { changedAt: number; count: number }>();
  for (const check of body as readonly Readonly<Record<string, unknown>>[]) {
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
 * Services whose last answer is older than a check of theirs, or which have more or fewer checks than in the
 * list before.
 */
export function namedByChecks(
  { before, after }: { readonly before: AllChecks | undefined; readonly after: AllChecks },
  entries: Iterable<TrackedService>,
): readonly TrackedService[] {
  const isNamed = ({ name, index = 0n }: TrackedService): boolean =>
    BigInt(after.get(name)?.changedAt ?? 0) > index ||
    (before !== undefined && before.get(name)?.count !== after.get(name)?.count);
  return [...entries].filter(isNamed);
}
