import type { FileFormat } from "../config/file-format.ts";
import { TemplateFault } from "./template-error.ts";

/** What a rendered file is, which decides how values are written into it. `path` is for output paths. */
export type Format = FileFormat | "path";

/** Writes a value into the output. */
export type Writer = (value: unknown) => string;

/**
 * The text of a value that is to be written.
 *
 * @throws {TemplateFault} when there is none, or it is not text
 */
export function toText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (value === undefined || value === null) {
    throw new TemplateFault("there is no value here", {
      hint: "See that the name is right, or use {{#if}} or {{default x y}} where it may be absent",
    });
  }
  throw new TemplateFault(
    `${Array.isArray(value) ? "a list" : "an object"} cannot be written as text`,
    {
      hint: 'Use {{#each}}, {{join list ","}} or one of its fields',
    },
  );
}
