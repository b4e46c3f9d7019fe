import { headingAnchor } from "./heading-anchor.ts";
import { SIDEBAR } from "./sidebar.ts";

/**
 * The site of these pages: `npm run docs:site`. VitePress's own types are left out: they would bring a browser's globals
 * into all of the program.
 */
export default {
  title: "Fairlead",
  description: "Keeps nginx and Varnish pointed at the healthy instances in Consul.",
  cacheDir: "../node_modules/.cache/vitepress",
  markdown: { anchor: { slugify: headingAnchor }, config: showBraces },
  themeConfig: {
    sidebar: SIDEBAR,
    outline: [2, 3],
    search: { provider: "local" },
  },
};

type Rule = (tokens: readonly { readonly content: string }[], index: number) => string;

/** What is used of markdown-it. */
interface Markdown {
  readonly renderer: { readonly rules: Record<string, Rule> };
  readonly utils: { escapeHtml(text: string): string };
}

/** The site's compiler would take `{{…}}` for code of its own: these pages are about templates that have it. */
function showBraces({ renderer, utils }: Markdown): void {
  renderer.rules["text"] = (tokens, index) =>
    utils.escapeHtml(tokens[index]?.content ?? "").replaceAll("{{", "&#123;&#123;");
  renderer.rules["code_inline"] = (tokens, index) =>
    `<code v-pre>${utils.escapeHtml(tokens[index]?.content ?? "")}</code>`;
}
