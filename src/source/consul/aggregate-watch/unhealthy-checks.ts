import type { Instance, InstanceStatus } from "../../../catalog/instance.ts";
import { checksIn, hasNeverReported, isMaintenance } from "../consul-answer.ts";

/** The content of Consul's list of critical, or of warning, checks. */
export interface UnhealthyChecks {
  /** The worst state by instance; the node's own checks are under an instance without a name. */
  readonly states: ReadonlyMap<string, InstanceStatus>;
  /** Instances of which such a check has reported since it was registered. */
  readonly reported: ReadonlySet<string>;
  /** Instances with such a check, by service. */
  readonly instances: ReadonlyMap<string, ReadonlySet<string>>;
  /** Changes when a check of a node itself appears, changes or goes. */
  readonly nodesText: string;
}

export const NOTHING_UNHEALTHY: UnhealthyChecks = {
  states: new Map(),
  reported: new Set(),
  instances: new Map(),
  nodesText: "",
};

const SEVERITY: readonly InstanceStatus[] = ["passing", "warning", "critical", "maintenance"];

/** Reads the body of `/v1/health/state/critical` or `/warning`. @throws {AppError} CONSUL */
export function parseUnhealthyChecks(body: unknown): UnhealthyChecks {
  const states = new Map<string, InstanceStatus>();
  const reported = new Set<string>();
  const instances = new Map<string, Set<string>>();
  const ofNodes: string[] = [];
  for (const check of checksIn(body)) {
    const at = place(String(check["Node"]), String(check["ServiceID"]));
    const state = isMaintenance(check) ? "maintenance" : (check["Status"] as InstanceStatus);
    states.set(at, worse(states.get(at) ?? "passing", state));
    if (!hasNeverReported(check)) reported.add(at);
    const service = String(check["ServiceName"]);
    if (service === "") ofNodes.push(`${at} ${String(check["CheckID"])} ${state}`);
    else instances.set(service, (instances.get(service) ?? new Set()).add(at));
  }
  return { states, reported, instances, nodesText: ofNodes.toSorted().join("\n") };
}

/**
 * Whether an answer gives a service's instances the health that the lists of unhealthy checks give them. Where they
 * differ, one of the two is older.
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
    const isOnlyUnreported = critical.states.has(own) && !critical.reported.has(own);
    return (
      worse(stateAt(own), stateAt(ofNode)) === status &&
      isOnlyNodes === isNodeCritical &&
      isOnlyUnreported === isUnchecked
    );
  });
}

const place = (node: string, id: string): string => `${node}\n${id}`;

const worse = (a: InstanceStatus, b: InstanceStatus): InstanceStatus =>
  SEVERITY.indexOf(a) < SEVERITY.indexOf(b) ? b : a;
