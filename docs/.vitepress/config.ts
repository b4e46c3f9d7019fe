import { defineConfig, type MarkdownRenderer } from "vitepress";
import { headingAnchor } from "./heading-anchor.ts";
import { SIDEBAR } from "./sidebar.ts";

/** The site of these pages: `npm run docs:site`. */
export default defineConfig({
  title: "Fairlead",
  description: "Keeps nginx and Varnish pointed at the healthy instances in Consul.",
  cacheDir: "../node_modules/.cache/vitepress",
  markdown: { anchor: { slugify: headingAnchor }, config: showBraces },
  themeConfig: {
    sidebar: [...SIDEBAR],
    outline: [2, 3],
    search: { provider: "local" },
  },
});

/** The site's compiler would take `{{…}}` for code of its own: these pages are about templates that have it. */
function showBraces(markdown: MarkdownRenderer): void {
  const { text } = markdown.renderer.rules;
  markdown.renderer.rules.text = (...rule) =>
    (text?.(...rule) ?? "").replaceAll("{{", "&#123;&#123;");
  markdown.renderer.rules.code_inline = (tokens, index) =>
    `<code v-pre>${markdown.utils.escapeHtml(tokens[index]?.content ?? "")}</code>`;
}
