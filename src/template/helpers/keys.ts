import type { KeyValue } from "../../catalog/instance.ts";
import type { Query } from "../../catalog/query.ts";
import { ask, askRequired, type RenderContext } from "../render/render-context.ts";
import { datacenter, nameOf } from "./catalog-queries.ts";
import type { HelperCall, HelperGroup } from "./definition.ts";

/** An entry of the key-value store, as templates see it. */
interface Entry {
  /** Without the prefix that was asked for. */
  readonly key: string;
  /** The whole key. */
  readonly path: string;
  readonly value: string;
}

/** The key-value store. */
export const KEYS: HelperGroup = {
  title: "Key-value store",
  helpers: {
    key: {
      signature: 'key NAME ["@DATACENTER"] [dc=]',
      meaning: "The value of a key. While there is no such key nothing is rendered",
      example: '{{key "app/title"}}',
      output: "Hello",
      answer(call, name, place) {
        const query = { kind: "key", key: nameOf(name), ...datacenter(call, place) } as const;
        return askRequired(call.context, query)?.value ?? "";
      },
    },
    keyOr: {
      signature: "keyOr NAME FALLBACK [dc=]",
      meaning: "The value of a key, or FALLBACK when there is no such key",
      example: '{{keyOr "app/none" "else"}}',
      output: "else",
      aliases: ["keyOrDefault"],
      answer: (call, name, fallback) =>
        ask(call.context, { kind: "key", key: nameOf(name), ...datacenter(call, undefined) })
          ?.value ?? fallback,
    },
    keyExists: {
      signature: 'keyExists NAME ["@DATACENTER"] [dc=]',
      meaning: "Whether there is such a key",
      example: '{{keyExists "app/title"}} {{keyExists "app/none"}}',
      output: "true false",
      answer: (call, name, place) =>
        Boolean(ask(call.context, { kind: "key", key: nameOf(name), ...datacenter(call, place) })),
    },
    ls: {
      signature: 'ls PREFIX ["@DATACENTER"] [dc=]',
      meaning: "The keys directly below PREFIX: key, path (the whole key), value",
      example: '{{#each (ls "app")}}{{key}}={{value}} {{/each}}',
      output: 'info={"owner":"team-a"} title=Hello ',
      answer: (call, ...below) => directly(entries(call, below)),
    },
    safeLs: {
      signature: 'safeLs PREFIX ["@DATACENTER"] [dc=]',
      meaning: "As ls, but while there are no such keys nothing is rendered",
      example: '{{#each (safeLs "app/pool")}}{{key}}={{value}} {{/each}}',
      output: "max=10 min=2 ",
      answer: (call, ...below) => directly(requiredEntries(call, below)),
    },
    tree: {
      signature: 'tree PREFIX ["@DATACENTER"] [dc=]',
      meaning: "The keys at any depth below PREFIX: key, path (the whole key), value",
      example: '{{#each (tree "app")}}{{key}}={{value}} {{/each}}',
      output: 'info={"owner":"team-a"} pool/max=10 pool/min=2 title=Hello ',
      answer: (call, ...below) => entries(call, below),
    },
    safeTree: {
      signature: 'safeTree PREFIX ["@DATACENTER"] [dc=]',
      meaning: "As tree, but while there are no such keys nothing is rendered",
      example: '{{#each (safeTree "app/pool")}}{{key}}={{value}} {{/each}}',
      output: "max=10 min=2 ",
      answer: (call, ...below) => requiredEntries(call, below),
    },
  },
};

/** The entries directly below a prefix of the key-value store. */
export const keyEntries = (context: RenderContext, below: string): readonly Entry[] =>
  directly(entriesOf(context, { kind: "tree", prefix: folder(below) }));

/** A prefix, and a datacenter where one is given. */
type Below = readonly unknown[];
type TreeQuery = Extract<Query, { readonly kind: "tree" }>;

const treeQuery = (call: HelperCall, [prefix, place]: Below): TreeQuery => ({
  kind: "tree",
  prefix: folder(nameOf(prefix)),
  ...datacenter(call, place),
});

const entries = (call: HelperCall, below: Below): readonly Entry[] =>
  entriesOf(call.context, treeQuery(call, below));

/** As {@link entries}, but there must be one at least. */
const requiredEntries = (call: HelperCall, below: Below): readonly Entry[] => {
  const query = treeQuery(call, below);
  return toEntries(askRequired(call.context, query) ?? [], { query, context: call.context });
};

const entriesOf = (context: RenderContext, query: TreeQuery): readonly Entry[] =>
  toEntries(ask(context, query) ?? [], { query, context });

/** A key that ends with a slash is a folder's own. */
function toEntries(
  all: readonly KeyValue[],
  { query, context }: { readonly query: TreeQuery; readonly context: RenderContext },
): readonly Entry[] {
  return all.flatMap((it) => {
    const entry = toEntry(it, query.prefix.length);
    if (entry.key === "" || entry.key.endsWith("/")) return [];
    context.trace?.copied(entry, it);
    return [entry];
  });
}

/** While a key is the same, so is its entry: what was made of it before can be used again. */
const entriesByPrefixLength = new WeakMap<KeyValue, Map<number, Entry>>();

function toEntry(from: KeyValue, prefixLength: number): Entry {
  const known = entriesByPrefixLength.get(from) ?? new Map<number, Entry>();
  entriesByPrefixLength.set(from, known);
  const { key, value } = from;
  const entry = known.get(prefixLength) ?? { key: key.slice(prefixLength), path: key, value };
  known.set(prefixLength, entry);
  return entry;
}

const directly = (all: readonly Entry[]): readonly Entry[] =>
  all.filter(({ key }) => !key.includes("/"));

const folder = (prefix: string): string => (prefix.endsWith("/") ? prefix : `${prefix}/`);
