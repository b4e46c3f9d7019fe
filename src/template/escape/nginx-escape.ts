import type { NginxPlace } from "./nginx-place.ts";
import {
  noValue,
  QUOTE,
  quotePattern,
  refuseLong,
  refuseMatch,
  unsafeValue,
} from "./unsafe-value.ts";

/** Words that mean something as the first word of an entry of these blocks. */
const SPECIAL_KEYS: Readonly<Record<string, readonly string[]>> = {
  map: ["default", "hostnames", "include", "volatile"],
  geo: ["default", "delete", "include", "proxy", "proxy_recursive", "ranges"],
};

/** Directives that read, write or run a file: a value must not lead out of the directory that the template names. */
const NAMES_FILE =
  /^(alias|root|include|load_module|js_import|js_path|perl_modules|perl_require|pid|proxy_store|xslt_stylesheet|geoip_\w+|\w*_(log|file|path|root|store|certificate|certificate_key|crl|dhparam|ticket_key))$/;

const WHERE: Readonly<Record<NginxPlace["kind"], string>> = {
  word: "a bare word of nginx",
  double: "a double-quoted string of nginx",
  single: "a single-quoted string of nginx",
  comment: "a comment of nginx",
  code: "code within nginx's configuration",
  name: "the name of an nginx directive",
  afterBackslash: "nginx text after a backslash",
};

/**
 * Writes a value so that it stays one part of one word at `place`, whatever it is.
 *
 * No escape exists for a dollar sign, nor for anything in a bare word: such values are refused.
 *
 * @throws {TemplateFault} that blames the value, when it has no safe form there
 */
export function escapeNginx(text: string, place: NginxPlace): string {
  const where = WHERE[place.kind];
  switch (place.kind) {
    case "name":
    case "code":
    case "afterBackslash":
      if (text === "") return text;
      throw noValue(text, where);
    case "comment":
      refuseMatch(text, /(?!\t)\p{Cc}/u, where);
      refuseLong(text, where);
      return text;
    case "word":
      refuseMatch(text, /[\s\p{Cc};{}"'\\$]/u, where, hintOf(text));
      break;
    case "double":
    case "single":
      refuseMatch(text, place.afterDollar ? /[^\w.:/-]/ : /[$]|(?!\t)\p{Cc}/u, where);
  }
  refuseMeaning(text, place, where);
  refuseLong(text, where);
  if (text === "" && place.kind === "word" && place.isFirst && !place.isJoined) {
    throw unsafeValue(text, where, "an empty value is no word");
  }
  const literal = place.isRegex ? quotePattern(text) : asKey(text, place);
  if (place.kind === "word") return literal;
  return literal.replace(place.kind === "double" ? /[\\"]/g : /[\\']/g, "\\$&");
}

/** A string holds all but a dollar sign and control characters. */
const hintOf = (text: string): string | undefined =>
  /[$]|(?!\t)\p{Cc}/u.test(text) ? undefined : QUOTE;

/** Matches texts that stand as they are in each of the places that take any text. Others are looked at closely. */
const PLAIN = /^(?:[A-Za-z_/][\w./-]{0,254}|\d[\w.:]{0,254})$/;
const NOTHING = /^(?!)/;

/** Matches texts that {@link escapeNginx} leaves as they are at `place`; not all of them. */
export function plainInNginx({ kind, isRegex, isFile, keyOf, directive }: NginxPlace): RegExp {
  const takesText = ["word", "double", "single", "comment"].includes(kind);
  const isFree = !isRegex && !isFile && keyOf === undefined && !NAMES_FILE.test(directive ?? "");
  return takesText && isFree ? PLAIN : NOTHING;
}

/** What is safe as text, but would say something else than a value of its own. */
function refuseMeaning(text: string, place: NginxPlace, where: string): void {
  refuseMatch(text, /(^|\/\/)unix:|\/\/unix$/i, where);
  if (place.isFile) refuseMatch(text, /[^\w.-]|^\.|\.\./, "the name of a file that nginx reads");
  if (NAMES_FILE.test(place.directive ?? "")) refuseMatch(text, /\.\./, "the path of a file");
  if (!place.isStart) return;
  if (place.kind === "word") refuseMatch(text, /^#/, where);
  if (!place.isRegex) refuseMatch(text, /^~/, where);
  if (place.directive === "location") refuseMatch(text, /^(=|\^~|@)/, "a location of nginx");
}

/**
 * A key of `map` that is a special word is told from it by a backslash, which nginx takes away from any key.
 *
 * Source: nginx documentation, ngx_http_map_module, "map"
 */
function asKey(text: string, { keyOf, isFirst }: NginxPlace): string {
  if (keyOf === undefined) return text;
  const special = SPECIAL_KEYS[keyOf] ?? ["default", "include"];
  if (isFirst && keyOf === "map") {
    return special.includes(text) || text.startsWith("\\") ? `\\${text}` : text;
  }
  // Of several values in a row the last could complete such a word.
  if (text === "" || !special.some((word) => (isFirst ? word === text : word.endsWith(text))))
    return text;
  throw unsafeValue(text, `a key of nginx's ${keyOf}`, "the word has a meaning there");
}
