import { isServerAddress } from "../../route/server-address.ts";
import { noValue, quotePattern, refuseLong, refuseMatch, unsafeValue } from "./unsafe-value.ts";
import type { VclPlace } from "./vcl-place.ts";

const WHERE: Readonly<Record<VclPlace["kind"], string>> = {
  word: "VCL outside of a string",
  statement: "the first word of a VCL statement",
  string: "a string of VCL",
  longString: "a long string of VCL",
  lineComment: "a comment of VCL",
  blockComment: "a comment of VCL",
  code: "C code within VCL",
};

/** A name, a number, a time or a size. No dots but in numbers: `req.http.x` is no value, but another's. */
const WORD = /^([A-Za-z_][\w-]*|\d+(\.\d+)?[A-Za-z]{0,2})$/;
const KEYWORDS = new Set(
  (
    "acl backend call else elseif elsif error esi goto hash_data if import include new " +
    "none probe restart return set sub synthetic unset vcl default"
  ).split(" "),
);

/**
 * Writes a value so that it stays one part of one token at `place`, whatever it is.
 *
 * VCL's strings know no escapes: what would end one is refused.
 *
 * @throws {TemplateFault} that blames the value, when it has no safe form there
 */
export function escapeVcl(text: string, place: VclPlace): string {
  const where = WHERE[place.kind];
  refuseLong(text, where);
  switch (place.kind) {
    case "statement":
    case "code":
      if (text === "") return text;
      throw noValue(text, where);
    case "lineComment":
      refuseMatch(text, /(?!\t)\p{Cc}/u, where);
      return text;
    case "blockComment":
      refuseMatch(text, /(?!\t)\p{Cc}|\*\/|\/\*|[*/]$/u, where);
      if (place.before === "*") refuseMatch(text, /^\//, where);
      return text;
    case "string":
      refuseMatch(text, /["]|(?!\t)\p{Cc}/u, where);
      return asMeant(text, place);
    case "longString":
      refuseMatch(text, /"+[}"]|"$|^[}"]|(?!\t)\p{Cc}/u, where);
      return asMeant(text, place);
    case "word":
      return asWord(text, place, where);
  }
}

const PLAIN_WORD = /^\w{1,100}$/;
const PLAIN_TEXT = /^[\w.-][\w./:-]{0,254}$/;
const NOTHING = /^(?!)/;

/** Matches texts that {@link escapeVcl} leaves as they are at `place`; not all of them. */
export function plainInVcl({ kind, meaning, isStart, before }: VclPlace): RegExp {
  if (kind === "word") return isStart && before !== "." ? NOTHING : PLAIN_WORD;
  const isText = ["string", "longString", "lineComment"].includes(kind);
  return isText && meaning === "plain" ? PLAIN_TEXT : NOTHING;
}

/** Varnish takes names of up to 127 characters, and the template's part counts as well. */
const LONGEST_WORD = 100;

function asWord(text: string, { isStart, before }: VclPlace, where: string): string {
  if (text.length > LONGEST_WORD) {
    throw unsafeValue(text, where, `it has ${text.length} characters, more than ${LONGEST_WORD}`);
  }
  const whole = isStart && before !== ".";
  if (!whole) {
    refuseMatch(text, /[^\w]/, where);
    return text;
  }
  if (!WORD.test(text)) {
    throw unsafeValue(text, where, "it is neither a name nor a number, a time or a size");
  }
  if (KEYWORDS.has(text)) throw unsafeValue(text, where, "it is a word of the language");
  return text;
}

function asMeant(text: string, { meaning }: VclPlace): string {
  switch (meaning) {
    case "pattern":
      return quotePattern(text);
    case "replacement":
      refuseMatch(text, /\\/, "a replacement of VCL's regsub");
      return text;
    case "file":
      throw noValue(text, "the name of a file that Varnish reads");
    case "fileName":
      refuseMatch(text, /[^\w.-]|^\.|\.\./, "the name of a file that Varnish reads");
      return text;
    case "ban":
      refuseMatch(text, /[^\w./:@%?=-]/, "an expression of VCL's ban");
      return text;
    case "acl":
      if (isServerAddress(text)) return text;
      throw unsafeValue(text, "an entry of a VCL acl", "it is neither an address nor a host name");
    case "plain":
      return text;
  }
}
