import type { KeyValue } from "../../catalog/instance.ts";
import { ask, type RenderContext } from "../render-context.ts";
import { datacenter, nameOf } from "./catalog-queries.ts";
import type { HelperGroup } from "./definition.ts";

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
        const entry = ask(call.context, query);
        // A key that is not there yet is waited for, as one that was not answered yet.
        if (entry === null) call.context.missing.set(`key ${JSON.stringify(query.key)}`, query);
        return entry?.value ?? "";
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
      output: "title=Hello ",
      answer: (call, prefix, place) =>
        keyEntries(call.context, nameOf(prefix), datacenter(call, place)),
    },
    tree: {
      signature: 'tree PREFIX ["@DATACENTER"] [dc=]',
      meaning: "The keys at any depth below PREFIX: key, path (the whole key), value",
      example: '{{#each (tree "app")}}{{key}}={{value}} {{/each}}',
      output: "pool/max=10 pool/min=2 title=Hello ",
      answer: (call, prefix, place) =>
        treeEntries(call.context, nameOf(prefix), datacenter(call, place)),
    },
  },
};

/** The entries directly below a prefix of the key-value store. */
export function keyEntries(
  context: RenderContext,
  below: string,
  options: { readonly datacenter?: string } = {},
): readonly Entry[] {
  return treeEntries(context, below, options).filter(({ key }) => !key.includes("/"));
}

/** A key that ends with a slash is a folder's own. */
function treeEntries(
  context: RenderContext,
  below: string,
  options: { readonly datacenter?: string },
): readonly Entry[] {
  const prefix = below.endsWith("/") ? below : `${below}/`;
  const entries: readonly KeyValue[] = ask(context, { kind: "tree", prefix, ...options }) ?? [];
  return entries
    .map(({ key, value }) => ({ key: key.slice(prefix.length), path: key, value }))
    .filter(({ key }) => key !== "" && !key.endsWith("/"));
}
