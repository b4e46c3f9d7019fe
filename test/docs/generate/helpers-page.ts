import { readFileSync } from "node:fs";
import { headingAnchor } from "../../../docs/.vitepress/heading-anchor.ts";
import { HELPER_GROUPS } from "../../../src/template/helpers/all-helpers.ts";
import type { HelperDefinition, HelperGroup } from "../../../src/template/helpers/definition.ts";
import { code, GENERATED } from "./markdown.ts";

const CATALOG = new URL("../../fixtures/example-catalog.yaml", import.meta.url);

const INTRODUCTION = `# Helpers

${GENERATED}

All helpers, each with an example and exactly what it gives. \`fairlead helpers NAME\` prints the same. The tests render the
examples with the [catalog](#the-examples-catalog) at the end of this page and the environment variable \`REGION=eu\`.
See [writing templates](../guides/writing-templates.md), and for those who know it,
[from consul-template](../guides/from-consul-template.md).

The value that a helper works on comes first: \`join LIST SEPARATOR\`, \`contains LIST PART\`. Arguments in brackets are
optional. Use parentheses where the result of a helper is an argument of another:
\`{{join (sort (pluck (service "web") "id")) ","}}\`. Handlebars' own \`if\`, \`unless\`, \`each\`, \`with\` and
\`lookup\` are available too. \`{{raw x}}\` and \`{{snippet x}}\` write a value without escaping: see
[escaping](../guides/writing-templates.md#escaping).
`;

/** The page of all helpers, in Markdown. */
export function helpersPage(): string {
  const catalog = readFileSync(CATALOG, "utf8");
  return [
    INTRODUCTION,
    HELPER_GROUPS.map(({ title }) => `- [${title}](#${headingAnchor(title)})`).join("\n"),
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
