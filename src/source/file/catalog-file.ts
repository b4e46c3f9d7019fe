import { readFile } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import type { CatalogNode, Instance, KeyValue, ServiceSummary } from "../../catalog/instance.ts";
import type { AnswerValue } from "../../catalog/query.ts";
import { AppError, messageOf } from "../../errors.ts";

/** A whole catalog as data: what `fairlead snapshot` prints and the `file` source reads. */
export interface Catalog {
  readonly instances: readonly Instance[];
  readonly nodes: readonly CatalogNode[];
  readonly keys: readonly KeyValue[];
  readonly datacenters: readonly string[];
  /** What was recorded as the answer to a query, by its canonical text. It comes before all else. */
  readonly answers: ReadonlyMap<string, AnswerValue>;
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
  node: z.string().default("local"),
  datacenter: z.string().default("dc1"),
  nodeAddress: z.string().optional(),
  nodeMeta: z.record(z.string(), z.string()).optional(),
  createIndex: z.int().min(0).optional(),
});

/** What a catalog file may say. */
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
});

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

/** The catalog of a file's data. Instances get the order in which they stand as their age. */
export function toCatalog(data: z.infer<typeof catalogSchema>): Catalog {
  const instances = Object.entries(data.services)
    .flatMap(([name, list]) =>
      list.map((it, i) => ({ ...it, name, id: it.id ?? `${name}-${i + 1}` })),
    )
    .map((it, i): Instance => {
      const node = data.nodes.find(({ name }) => name === it.node);
      return {
        ...it,
        nodeAddress: it.nodeAddress ?? node?.address ?? it.address,
        nodeMeta: it.nodeMeta ?? node?.meta ?? {},
        createIndex: it.createIndex ?? i + 1,
      };
    });
  return {
    instances,
    nodes: data.nodes,
    keys: Object.entries(data.keys)
      .map(([key, value]) => ({ key, value }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    answers: new Map(Object.entries(data.answers) as [string, AnswerValue][]),
    datacenters: [...new Set(["dc1", ...instances.map(({ datacenter }) => datacenter)])].toSorted(),
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
