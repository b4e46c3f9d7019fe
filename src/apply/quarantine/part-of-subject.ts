import { elementsOf, type Part, partOf, partText } from "../../catalog/part.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { Subject } from "../../template/provenance/trace.ts";

/** The part that provenance names. */
export function partOfSubject(
  { service, instance, node }: Pick<Subject, "service" | "instance" | "node">,
  snapshot: Snapshot,
): { readonly part: Part; readonly text: string } {
  const query = { kind: "service", name: service } as const;
  for (const [text, element] of elementsOf(query, snapshot.get(query) ?? [])) {
    const part = partOf(query, element);
    if (part.kind === "instance" && part.instance === instance && part.node === node)
      return { part, text };
  }
  const part = { kind: "service", service } as const;
  return { part, text: partText(part) };
}
