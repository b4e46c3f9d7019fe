import { TemplateFault } from "../template-error.ts";

/*
 * Readers of a helper's arguments. `name` is what the helper's signature calls the argument.
 */

/** An argument that a helper cannot use; {@link faultOf} turns it into a {@link TemplateFault}. */
export class ArgumentFault extends Error {
  override readonly name = "ArgumentFault";
  /** The text at fault, when it is that beyond doubt: whoever wrote it meant something else. */
  readonly value: string | undefined;

  constructor(message: string, value?: string) {
    super(message);
    this.value = value;
  }
}

/** The fault of an argument that is not what was expected, such as `a list`. */
export const unexpectedArgument = (what: string, value: unknown, name: string): ArgumentFault =>
  new ArgumentFault(`${name} must be ${what}, got ${shown(value)}`);

/** Completes an argument's fault by the helper that was called. */
export const faultOf = (helper: string, fault: ArgumentFault, signature: string): TemplateFault =>
  new TemplateFault(
    `${helper}: ${fault.message}`,
    fault.value === undefined
      ? { hint: `Write it as ${signature}` }
      : { hint: "Correct the text where it is written", value: fault.value },
  );

/** Numbers and booleans are text, too. */
export function textArgument(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw unexpectedArgument("text", value, name);
}

/** A number, or text that is one, such as a value of the key-value store. */
export function number(value: unknown, name: string): number {
  const result = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof result === "number" && Number.isFinite(result)) return result;
  throw unexpectedArgument("a number", value, name);
}

/** A whole number of at least 0, such as a count. More than `most` of anything is a mistake. */
export function count(value: unknown, name: string, most = 100_000): number {
  const result = number(value, name);
  if (Number.isInteger(result) && result >= 0 && result <= most) return result;
  throw unexpectedArgument(`a whole number from 0 to ${most}`, value, name);
}

export function listArgument(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpectedArgument("a list", value, name);
}

/** A map: an object that is no list. */
export function mapArgument(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (isMap(value)) return value;
  throw unexpectedArgument("a map", value, name);
}

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const whole = JSON.stringify(value) ?? typeof value;
  return whole.length > 80 ? `${whole.slice(0, 80)}…` : whole;
}
