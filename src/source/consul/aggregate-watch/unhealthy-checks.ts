import type { Instance, InstanceStatus } from "../../../catalog/instance.ts";
import { AppError } from "../../../errors.ts";
import { isMaintenance, isUntold } from "../consul-answer.ts";

/** What Consul's list of critical, or of warning, checks says. */
export interface UnhealthyChecks {
  /** The worst state by instance; the node's own checks stand under an instance without a name. */
  readonly states: ReadonlyMap<string, InstanceStatus>;
  /** Instances of which such a check has told something since it was registered. */
  readonly told: ReadonlySet<string>;
  /** Instances with such a check, by service. */
  readonly instances: ReadonlyMap<string, ReadonlySet<string>>;
  /** Changes when a check of a node itself appears, changes or goes. */
  readonly nodesText: string;
}

export const NOBODY_SICK: UnhealthyChecks = {
  states: new Map(),
  told: new Set(),
  instances: new Map(),
  nodesText: "",
};

const SEVERITY: readonly InstanceStatus[] = ["passing", "warning", "critical", "maintenance"];

/** Reads the body of `/v1/health/state/critical` or `/warning`. @throws {AppError} CONSUL */
export function parseUnhealthyChecks(body: unknown): UnhealthyChecks {
  if (!Array.isArray(body)) {
    throw new AppError("CONSUL", "Cannot use Consul's list of checks as it is not a list", {
      hint: "See that consul.address is a Consul agent, and what stands between",
    });
  }
  const states = new Map<string, InstanceStatus>();
  const told = new Set<string>();
  const instances = new Map<string, Set<string>>();
  const ofNodes: string[] = [];
  for (const check of body as readonly Readonly<Record<string, unknown>>[]) {
    const at = place(String(check["Node"]), String(check["ServiceID"]));
    const state = isMaintenance(check) ? "maintenance" : (check["Status"] as InstanceStatus);
    states.set(at, worse(states.get(at) ?? "passing", state));
    if (!isUntold(check)) told.add(at);
    const service = String(check["ServiceName"]);
    if (service === "") ofNodes.push(`${at} ${String(check["CheckID"])} ${state}`);
    else instances.set(service, (instances.get(service) ?? new Set()).add(at));
  }
  return { states, told, instances, nodesText: ofNodes.toSorted().join("\n") };
}

/**
 * Whether an answer says of a service's instances what the lists of sick checks say of them. Where it does
 * not, one of the two is older.
 */
export function agrees(
  service: string,
  instances: readonly Instance[],
  { critical, warning }: Readonly<Record<"critical" | "warning", UnhealthyChecks>>,
): boolean {
  const known = new Set(instances.map(({ node, id }) => place(node, id)));
  for (const list of [critical, warning]) {
    for (const at of list.instances.get(service) ?? []) if (!known.has(at)) return false;
  }
  const stateAt = (at: string): InstanceStatus =>
    worse(critical.states.get(at) ?? "passing", warning.states.get(at) ?? "passing");
  return instances.every(({ node, id, status, isNodeCritical = false, isUnchecked = false }) => {
    const [own, ofNode] = [place(node, id), place(node, "")];
    const isOnlyNodes = critical.states.has(ofNode) && !critical.states.has(own);
    const isOnlyUntold = critical.states.has(own) && !critical.told.has(own);
    return (
      worse(stateAt(own), stateAt(ofNode)) === status &&
      isOnlyNodes === isNodeCritical &&
      isOnlyUntold === isUnchecked
    );
  });
}

const place = (node: string, id: string): string => `${node}\n${id}`;

const worse = (a: InstanceStatus, b: InstanceStatus): InstanceStatus =>
  SEVERITY.indexOf(a) < SEVERITY.indexOf(b) ? b : a;
