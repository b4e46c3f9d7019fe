import { readFile } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import type { CaLeaf, CaRoot } from "../../catalog/certificates.ts";
import type { CatalogNode, Instance, KeyValue, ServiceSummary } from "../../catalog/instance.ts";
import type { NetworkInterface } from "../../catalog/network-interface.ts";
import type { AnswerValue } from "../../catalog/query.ts";
import { AppError, messageOf } from "../../errors.ts";

/** A complete catalog as data: what `fairlead snapshot` prints and the `file` source reads. */
export interface Catalog {
  readonly instances: readonly Instance[];
  readonly nodes: readonly CatalogNode[];
  readonly keys: readonly KeyValue[];
  readonly datacenters: readonly string[];
  /** Recorded answers by the canonical text of their query. They take precedence over all other sections. */
  readonly answers: ReadonlyMap<string, AnswerValue>;
  /** Instances that serve a service within the mesh, by the service's name. */
  readonly connect: Readonly<Record<string, readonly Instance[]>>;
  /** Instances that prepared queries find, by their name. */
  readonly prepared: Readonly<Record<string, readonly Instance[]>>;
  readonly caRoots: readonly CaRoot[];
  /** By service. */
  readonly caLeaves: Readonly<Record<string, CaLeaf>>;
  /** Contents of files by the path that templates name. */
  readonly files: Readonly<Record<string, string>>;
  /** Addresses of the machine, when the catalog has them. */
  readonly interfaces: readonly NetworkInterface[] | undefined;
}

const instanceSchema = z.strictObject({
  id: z.string().optional(),
  address: z
    .string({ error: "a host name or IP address" })
    .min(1, { error: "a host name or IP address" }),
  port: z.int({ error: "a port number" }).min(0).max(65_535),
  tags: z.array(z.string()).default([]),
  meta: z.record(z.string(), z.string()).default({}),
  weights: z
    .strictObject({ passing: z.int().min(0), warning: z.int().min(0) })
    .default({ passing: 1, warning: 1 }),
  status: z.enum(["passing", "warning", "critical", "maintenance"]).default("passing"),
  isNodeCritical: z.literal(true).optional(),
  isUnchecked: z.literal(true).optional(),
  node: z.string().default("local"),
  nodeId: z.string().optional(),
  datacenter: z.string().default("dc1"),
  nodeAddress: z.string().optional(),
  nodeMeta: z.record(z.string(), z.string()).optional(),
  createIndex: z.int().min(0).optional(),
});

/** No service's name is above these, so each instance has its own. */
const namedInstances = z.record(
  z.string(),
  z.array(z.strictObject({ ...instanceSchema.shape, service: z.string() })),
);

const rootSchema = z.strictObject({
  id: z.string().default(""),
  name: z.string().default(""),
  active: z.boolean().default(true),
  rootCertPem: z.string(),
  intermediateCertsPem: z.array(z.string()).default([]),
  notBefore: z.string().default(""),
  notAfter: z.string().default(""),
  trustDomain: z.string().default(""),
});

const leafSchema = z.strictObject({
  serviceUri: z.string().default(""),
  serialNumber: z.string().default(""),
  certPem: z.string(),
  privateKeyPem: z.string(),
  validAfter: z.string().default(""),
  validBefore: z.string().default(""),
});

/** The content of a catalog file. */
export const catalogSchema = z.strictObject({
  services: z.record(z.string(), z.array(instanceSchema)).default({}),
  nodes: z
    .array(
      z.strictObject({
        name: z.string(),
        address: z.string(),
        datacenter: z.string().default("dc1"),
        meta: z.record(z.string(), z.string()).default({}),
      }),
    )
    .default([]),
  keys: z.record(z.string(), z.string()).default({}),
  answers: z.record(z.string(), z.unknown()).default({}),
  connect: namedInstances.default({}),
  prepared: namedInstances.default({}),
  ca: z
    .strictObject({
      roots: z.array(rootSchema).default([]),
      leaves: z.record(z.string(), leafSchema).default({}),
    })
    .prefault({}),
  files: z.record(z.string(), z.string()).default({}),
  interfaces: z
    .array(
      z.strictObject({
        name: z.string(),
        address: z.string(),
        isInternal: z.boolean().default(false),
      }),
    )
    .optional(),
});

type CatalogData = z.infer<typeof catalogSchema>;
type InstanceData = z.infer<typeof instanceSchema>;

/**
 * Reads a catalog file (YAML or JSON).
 *
 * @throws {AppError} CATALOG, naming every fault with file:line:column
 */
export async function readCatalogFile(file: string): Promise<Catalog> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new AppError("CATALOG", `Cannot read the catalog "${file}" as ${messageOf(cause)}`, {
      hint: "Correct catalog.file, or --catalog",
      cause,
    });
  }
  return parseCatalog(text, file);
}

/**
 * Parses a catalog's text.
 *
 * @throws {AppError} CATALOG, naming every fault with file:line:column
 */
export function parseCatalog(text: string, file: string): Catalog {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const faults = yaml.errors.map(
    (error) => `${at(error.pos[0])}: not valid YAML: ${error.message}`,
  );
  if (faults.length > 0) throw invalid(faults);
  const result = catalogSchema.safeParse(yaml.toJS() ?? {});
  if (result.success) return toCatalog(result.data);
  throw invalid(
    result.error.issues.map((issue) => {
      const node = yaml.getIn(issue.path, true) as
        | { readonly range?: readonly number[] }
        | undefined;
      return `${at(node?.range?.[0] ?? 0)}: ${issue.path.join(".") || "the catalog"}: ${issue.message}`;
    }),
  );
}

function invalid(faults: readonly string[]): AppError {
  return new AppError("CATALOG", faults.join("\n"), { hint: "Correct the catalog file" });
}

/** The catalog of a file's data. The order of the instances gives their age. */
export function toCatalog(data: CatalogData): Catalog {
  const instances = Object.entries(data.services)
    .flatMap(([name, list]) => list.map((it, i) => ({ name, it, i })))
    .map(({ name, it, i }, age) => toInstance(it, { name, place: i, age }, data));
  return {
    instances,
    nodes: data.nodes,
    keys: Object.entries(data.keys)
      .map(([key, value]) => ({ key, value }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    answers: new Map(Object.entries(data.answers) as [string, AnswerValue][]),
    datacenters: [...new Set(["dc1", ...instances.map(({ datacenter }) => datacenter)])].toSorted(),
    connect: toNamedInstances(data.connect, data),
    prepared: toNamedInstances(data.prepared, data),
    caRoots: data.ca.roots,
    caLeaves: Object.fromEntries(
      Object.entries(data.ca.leaves).map(([service, leaf]) => [service, { ...leaf, service }]),
    ),
    files: data.files,
    interfaces: data.interfaces,
  };
}

/** A catalog without any entry. */
export const EMPTY_CATALOG: Catalog = toCatalog(catalogSchema.parse({}));

function toNamedInstances(
  lists: CatalogData["connect"],
  data: CatalogData,
): Readonly<Record<string, readonly Instance[]>> {
  const entries = Object.entries(lists).map(([key, list]) => [
    key,
    list.map(({ service, ...it }, i) => toInstance(it, { name: service, place: i, age: i }, data)),
  ]);
  return Object.fromEntries(entries) as Readonly<Record<string, readonly Instance[]>>;
}

function toInstance(
  { nodeId, isNodeCritical, isUnchecked, ...it }: InstanceData,
  { name, place, age }: { readonly name: string; readonly place: number; readonly age: number },
  { nodes }: CatalogData,
): Instance {
  const node = nodes.find((one) => one.name === it.node);
  return {
    ...it,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(isNodeCritical === undefined ? {} : { isNodeCritical }),
    ...(isUnchecked === undefined ? {} : { isUnchecked }),
    name,
    id: it.id ?? `${name}-${place + 1}`,
    nodeAddress: it.nodeAddress ?? node?.address ?? it.address,
    nodeMeta: it.nodeMeta ?? node?.meta ?? {},
    createIndex: it.createIndex ?? age + 1,
  };
}

/** The catalog's services, as Consul lists them. */
export function summariesOf(instances: readonly Instance[]): readonly ServiceSummary[] {
  const tags = new Map<string, Set<string>>();
  for (const instance of instances) {
    const known = tags.get(instance.name) ?? new Set();
    for (const tag of instance.tags) known.add(tag);
    tags.set(instance.name, known);
  }
  return [...tags]
    .map(([name, known]) => ({ name, tags: [...known].toSorted() }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
