import type { Part } from "../../catalog/part.ts";
import { fieldWith } from "./fields.ts";
import type { DataSource } from "./sources.ts";

/** A part whose data is at a fault's place. */
export interface BlamedPart {
  readonly part: Part;
  /** Of a service as a whole: those of its instances that the place is about. */
  readonly within?: readonly Part[];
  /** The entry at fault, such as `tag "x"` or `meta title="y"`, where it was found. */
  readonly field?: string;
}

/** @param values what was written of it */
export function blamed(source: DataSource, values: readonly string[]): BlamedPart {
  const { part, within = [] } = source;
  const fields = [source, ...within].map((it) => fieldWith(values, it));
  const field = fields.find((it) => it !== undefined);
  return {
    part,
    ...(within.length === 0 ? {} : { within: within.map((it) => it.part) }),
    ...(field === undefined ? {} : { field }),
  };
}
