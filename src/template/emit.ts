import { TemplateFault } from "./template-error.ts";

/** What a rendered file is, which decides how values are written into it. `path` is for output paths. */
export type Format = "nginx" | "vcl" | "text" | "path";

/** Longer words are not values any more; nginx refuses a token of 4,096 bytes. */
const LONGEST_VALUE = 2_048;

interface Rule {
  /** A value that matches could say more than a value. */
  readonly unsafe: RegExp;
  readonly what: string;
}

/*
 * The rules hold for every place of a file at once: bare word, quoted string, comment and pattern. They
 * refuse more than each single place would need, and let nothing end the place that it stands in.
 */
const RULES: Readonly<Record<Format, Rule | undefined>> = {
  nginx: {
    unsafe: /[\s\p{Cc};{}"'\\$#`]/u,
    what: "white space, control characters or any of ; { } \" ' \\ $ # `",
  },
  vcl: {
    unsafe: /[\s\p{Cc};{}"'#`]|\/\/|\/\*|\*\//u,
    what: "white space, control characters, comment marks or any of ; { } \" ' # `",
  },
  path: {
    unsafe: /[\p{Cc}/\\]|^\./u,
    what: "a slash, a control character or a leading dot",
  },
  text: undefined,
};

/**
 * Writes a value into a file of `format`.
 *
 * @throws {TemplateFault} when there is no value, it is not text, or it could become more than a value there
 */
export function emit(value: unknown, format: Format): string {
  const text = toText(value);
  const rule = RULES[format];
  if (rule === undefined) return text;
  if (rule.unsafe.test(text)) {
    throw new TemplateFault(
      `${JSON.stringify(text)} cannot stand in ${format} text as it has ${rule.what}`,
      {
        hint: "Correct the value where it is registered, or write it with {{{…}}} if you know that it is safe there",
      },
    );
  }
  if (text.length > LONGEST_VALUE) {
    throw new TemplateFault(`a value of ${text.length} characters cannot stand in ${format} text`, {
      hint: `Keep values to ${LONGEST_VALUE} characters`,
    });
  }
  return text;
}

function toText(value: unknown): string {
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
