import { readFileSync } from "node:fs";
import { HELPER_GROUPS } from "../../src/template/helpers/all-helpers.ts";
import type { HelperDefinition, HelperGroup } from "../../src/template/helpers/definition.ts";

const CATALOG = new URL("../fixtures/example-catalog.yaml", import.meta.url);

const INTRODUCTION = `# Helpers

<!-- Made by npm run docs from the helpers themselves; changes made here are overwritten. -->

All helpers with an example and exactly what it gives; \`fairlead helpers NAME\` prints the same. The examples are
rendered by the tests, with the [catalog](#the-examples-catalog) at the end of this page and the environment variable
\`REGION=eu\`. How templates are written is told in [templates.md](templates.md), how they come from consul-template in
[from-consul-template.md](from-consul-template.md).

A helper's value is what it is about, so it comes first: \`join LIST SEPARATOR\`, \`contains LIST PART\`. What stands in
brackets may be left out. The result of a helper is an argument of another in parentheses:
\`{{join (sort (pluck (service "web") "id")) ","}}\`. Handlebars' own \`if\`, \`unless\`, \`each\`, \`with\` and \`lookup\` are
there too; \`{{raw x}}\` and \`{{snippet x}}\` are told in [templates.md](templates.md#what-may-stand-where).
`;

/** The page of all helpers, in Markdown. */
export function helpersPage(): string {
  const catalog = readFileSync(CATALOG, "utf8");
  return [
    INTRODUCTION,
    HELPER_GROUPS.map(({ title }) => `- [${title}](#${anchor(title)})`).join("\n"),
    "",
    ...HELPER_GROUPS.map(group),
    `## The examples' catalog\n\n\`\`\`yaml\n${catalog}\`\`\`\n`,
  ].join("\n");
}

const group = ({ title, helpers }: HelperGroup): string =>
  `## ${title}\n\n${Object.entries(helpers).map(helper).join("\n")}`;

function helper([name, definition]: readonly [string, HelperDefinition]): string {
  const { signature, meaning, example, output, aliases = [] } = definition;
  const also = aliases.length === 0 ? "" : ` Also as ${aliases.map(code).join(", ")}.`;
  return `### ${name}

${code(signature)}

${meaning.replaceAll("|", "\\|").replaceAll("_", "\\_").replaceAll("*", "\\*")}.${also}

\`\`\`handlebars
${example}
\`\`\`

\`\`\`text
${output}
\`\`\`
`;
}

const code = (text: string): string => `\`${text}\``;

/** As GitHub makes it of a heading. */
const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .replaceAll(" ", "-");
