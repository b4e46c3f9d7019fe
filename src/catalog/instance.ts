/** The worst of an instance's checks. `maintenance` is Consul's maintenance mode, of the service or its node. */
export type InstanceStatus = "passing" | "warning" | "critical" | "maintenance";

/** One address:port of a service, as the catalog knows it. */
export interface Instance {
  /** Unique on its node. */
  readonly id: string;
  /** The service's name. */
  readonly name: string;
  /** Host name or IP address without brackets; the node's when the service has none. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly status: InstanceStatus;
  /** A check of its node or agent is critical, not one of its own. */
  readonly isNodeCritical?: true;
  /** Critical only because Consul starts a check so: none has reported since the instance was registered. */
  readonly isUnchecked?: true;
  readonly node: string;
  /** The id of the node's agent, if it has one: an agent that lost its data has a new one. */
  readonly nodeId?: string;
  readonly nodeAddress: string;
  readonly nodeMeta: Readonly<Record<string, string>>;
  readonly datacenter: string;
  /** The Raft index of its registration: lower is older. */
  readonly createIndex: number;
}

/** One line of the catalog's list of services. */
export interface ServiceSummary {
  readonly name: string;
  /** Tags of all instances together, sorted. */
  readonly tags: readonly string[];
}

/** One machine of the catalog. */
export interface CatalogNode {
  readonly name: string;
  readonly address: string;
  readonly datacenter: string;
  readonly meta: Readonly<Record<string, string>>;
}

/** One machine with what runs on it. */
export interface NodeWithServices extends CatalogNode {
  readonly services: readonly NodeService[];
}

/** A service's instance as its node lists it, without its health. */
export type NodeService = Pick<Instance, "id" | "name" | "address" | "port" | "tags" | "meta">;

/** One entry of the key-value store. */
export interface KeyValue {
  /** The whole key. */
  readonly key: string;
  readonly value: string;
}
