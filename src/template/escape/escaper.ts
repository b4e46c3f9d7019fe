import type { Format } from "../written-text.ts";
import type { Lexer } from "./lexer.ts";
import { escapeNginx, plainInNginx } from "./nginx-escape.ts";
import { nginxLexer } from "./nginx-lexer.ts";
import type { NginxPlace } from "./nginx-place.ts";
import { refuseLong, refuseMatch, unsafeValue } from "./unsafe-value.ts";
import { escapeVcl, plainInVcl } from "./vcl-escape.ts";
import { vclLexer } from "./vcl-lexer.ts";
import type { VclPlace } from "./vcl-place.ts";

/** Where a value stands: a part of a file's syntax, plain text, or an output's path. */
export type Place = NginxPlace | VclPlace | { readonly format: "text" | "path" };

/** Writes a value into the place that it was made for. @throws {TemplateFault} that blames the value */
export type Escape = (text: string) => string;

/** How a format is followed through a template's static text. */
export function lexerOf(format: Format): Lexer<unknown, Place> {
  switch (format) {
    case "nginx":
      return nginxLexer;
    case "vcl":
      return vclLexer;
    case "text":
    case "path":
      return {
        start: undefined,
        text: () => undefined,
        place: () => ({ format }),
        value: () => undefined,
      };
  }
}

/**
 * The escape for a value that may come to stand in any of `places`, as branches of the template lead to
 * it in different ways: it must be safe, and read the same, in all of them.
 */
export function escapeFor(places: readonly Place[]): Escape {
  const [first, ...others] = places;
  if (first === undefined) return (text) => text; // nothing ever comes here
  if (others.length === 0) {
    const plain = plainAt(first);
    return (text) => (plain.test(text) ? text : escapeAt(text, first));
  }
  return (text) => {
    const escaped = escapeAt(text, first);
    if (others.every((place) => escapeAt(text, place) === escaped)) return escaped;
    const where = "a place that branches of the template make different ones";
    throw unsafeValue(text, where, "it is written differently in them");
  };
}

const NOTHING = /^(?!)/;

/** Matches texts that are written as they are at `place`, as most are: one look instead of many. */
function plainAt(place: Place): RegExp {
  switch (place.format) {
    case "nginx":
      return plainInNginx(place);
    case "vcl":
      return plainInVcl(place);
    case "path":
      return NOTHING;
    case "text":
      return /^/;
  }
}

/** Writes a value into a place, whatever it is. @throws {TemplateFault} that blames the value */
export function escapeAt(text: string, place: Place): string {
  switch (place.format) {
    case "nginx":
      return escapeNginx(text, place);
    case "vcl":
      return escapeVcl(text, place);
    case "path":
      return inPath(text);
    case "text":
      return text;
  }
}

/** File systems take names of 255 bytes, of which the template's own text and a few more are some. */
const LONGEST_IN_PATH = 120;

function inPath(text: string): string {
  const where = "a part of a path";
  refuseMatch(text, /[\p{Cc}/\\]|^\./u, where);
  if (text === "") throw unsafeValue(text, where, "an empty value names no file");
  refuseLong(text, where, { most: LONGEST_IN_PATH, length: Buffer.byteLength(text) });
  return text;
}
