import { nearestName } from "../config/nearest-name.ts";
import type { Route } from "../route/route.ts";
import { virtualHosts } from "../route/virtual-hosts.ts";
import { type Helper, values } from "./helper-definition.ts";
import { TemplateFault } from "./template-error.ts";

type Value = string | number | boolean | null | undefined;

/** Helpers that look at nothing but their arguments. */
export const PURE_HELPERS: Readonly<Record<string, Helper>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => compare(a, b) > 0,
  gte: (a, b) => compare(a, b) >= 0,
  lt: (a, b) => compare(a, b) < 0,
  lte: (a, b) => compare(a, b) <= 0,
  and: (...args) => values(args).every(isTruthy),
  or: (...args) => values(args).some(isTruthy),
  not: (a) => !isTruthy(a),
  default: (value, fallback) =>
    isTruthy(value) || value === 0 || value === false ? value : fallback,
  isNumber: (a) => typeof a === "number",
  add: (...args) => values(args).reduce<number>((sum, it) => sum + number(it), 0),
  multiply: (...args) => values(args).reduce<number>((product, it) => product * number(it), 1),
  list: (a) => (Array.isArray(a) ? a : a === undefined || a === null ? [] : [a]),
  length: (a) =>
    typeof a === "string" || Array.isArray(a) ? a.length : Object.keys(Object(a)).length,
  join: (list, separator) => array(list).map(text).join(text(separator)),
  lower: (a) => text(a).toLowerCase(),
  upper: (a) => text(a).toUpperCase(),
  replace: (a, from, to) => text(a).replaceAll(text(from), text(to)),
  split: (a, separator) => text(a).split(text(separator)),
  startsWith: (a, prefix) => text(a).startsWith(text(prefix)),
  endsWith: (a, suffix) => text(a).endsWith(text(suffix)),
  contains: (all, part) =>
    Array.isArray(all) ? all.includes(part) : text(all).includes(text(part)),
  slice(a, from, ...rest) {
    const [to] = values(rest);
    const end = to === undefined ? undefined : number(to);
    return Array.isArray(a) ? a.slice(number(from), end) : text(a).slice(number(from), end);
  },
  pluck: (list, key) => array(list).map((it) => Object(it)[text(key)] as unknown),
  longest: (list) =>
    array(list).reduce<number>(
      (most, it) => Math.max(most, typeof it === "string" ? it.length : 0),
      0,
    ),
  first: (list) => array(list)[0],
  json: (a) => JSON.stringify(a),
  identifier: (a) => text(a).replace(/[^A-Za-z0-9_]/g, "_"),
  regexQuote: (a) => text(a).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  seconds: (ms) => `${number(ms) / 1_000}s`,
  hostPort: (address, port) =>
    text(address).includes(":")
      ? `[${text(address)}]:${number(port)}`
      : `${text(address)}:${number(port)}`,
  virtualHosts: (routes) => virtualHosts(array(routes) as readonly Route[]),
  uniformWeights: (servers) =>
    new Set(array(servers).map((it) => (it as { readonly weight?: unknown }).weight)).size <= 1,
};

/** The fault for a helper that is not there. */
export function unknownHelper(name: string, known: Iterable<string>): TemplateFault {
  const nearest = nearestName(name, known);
  return new TemplateFault(`unknown helper "${name}"`, {
    hint:
      nearest === undefined ? "See the helpers in docs/templates.md" : `Did you mean "${nearest}"?`,
  });
}

/** As Handlebars' own `if` sees it: an empty list is false. */
const isTruthy = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : Boolean(value);

function compare(a: unknown, b: unknown): number {
  if (typeof a === typeof b && (typeof a === "number" || typeof a === "string")) {
    return a < (b as Value & typeof a) ? -1 : a > (b as Value & typeof a) ? 1 : 0;
  }
  return number(a) - number(b);
}

function text(value: unknown): string {
  if (["string", "number", "boolean"].includes(typeof value)) return String(value);
  throw wrongArgument("text", value);
}

function number(value: unknown): number {
  const result = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof result === "number" && Number.isFinite(result)) return result;
  throw wrongArgument("a number", value);
}

function array(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrongArgument("a list", value);
}

function wrongArgument(expected: string, value: unknown): TemplateFault {
  const got =
    value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value).slice(0, 80);
  return new TemplateFault(`expected ${expected}, got ${got}`, {
    hint: "See the helper's arguments in docs/templates.md",
  });
}
