import { TemplateFault } from "../template-error.ts";

/** Longer words are not values any more; nginx refuses a token of 4,096 bytes. */
const LONGEST_VALUE = 2_048;

const NAMES: Readonly<Record<string, string>> = {
  " ": "a space",
  "\t": "a tab",
  "\n": "a line break",
  "\r": "a carriage return",
  "\0": "a NUL byte",
};

/**
 * Refuses a value that has something in it which its place cannot hold.
 *
 * @param pattern matches what cannot stand there
 * @param where such as `a bare word of nginx`
 * @param hint what would help in this place
 * @throws {TemplateFault} that blames the value
 */
export function refuseMatch(text: string, pattern: RegExp, where: string, hint?: string): void {
  const found = pattern.exec(text)?.[0];
  if (found === undefined) return;
  const name = NAMES[found] ?? (/^\p{Cc}/u.test(found) ? "a control character" : `\`${found}\``);
  throw unsafeValue(text, where, { reason: `it has ${name}`, hint });
}

/** @throws {TemplateFault} that blames the value, when it is longer than any value has to be */
export function refuseLong(
  text: string,
  where: string,
  { most, length } = { most: LONGEST_VALUE, length: text.length },
): void {
  if (length <= most) return;
  throw unsafeValue(
    `${text.slice(0, 40)}…`,
    where,
    `it has ${length} characters, more than ${most}`,
  );
}

/** The fault of a place that no value may stand in, which is the template's. */
export function noValue(text: string, where: string): TemplateFault {
  return new TemplateFault(
    `${JSON.stringify(text.slice(0, 200))} cannot stand in ${where} as only the template says what stands there`,
    { hint: "Put the value where a value can stand; whole statements come with {{snippet x}}" },
  );
}

/** Why a value cannot stand somewhere, and what would help there. */
type Unsafe = string | { readonly reason: string; readonly hint: string | undefined };

/** The fault of a value that has no safe form in its place. */
export function unsafeValue(text: string, where: string, why: Unsafe): TemplateFault {
  const { reason, hint = CORRECT } = typeof why === "string" ? { reason: why } : why;
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new TemplateFault(`${JSON.stringify(shown)} cannot stand in ${where} as ${reason}`, {
    hint,
    value: text,
  });
}

const CORRECT =
  "Correct the value where it is registered, or change it in the template, such as with identifier or replace";

/** The hint of a bare word that could hold the value as a string. */
export const QUOTE =
  'Quote the word in the template, such as "{{value}}", or correct the value where it is registered';

/** Text that matches itself in a regular expression of PCRE. */
export const quotePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&");
