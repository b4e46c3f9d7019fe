import type { AdminRoute } from "../../../src/admin/admin-route.ts";
import { ADMIN_ROUTES, REFUSALS } from "../../../src/admin/admin-routes.ts";
import { code, GENERATED, table } from "./markdown.ts";

const INTRODUCTION = `# HTTP API

${GENERATED}

The admin address is \`http://127.0.0.1:9700\` unless \`admin.listen\` names another one. Who may use it:
[operating](../guides/operating.md#the-admin-address). Answers are JSON, except those of [\`/metrics\`](metrics.md). An error has the
fields \`error\` and \`hint\`. A \`POST\` needs \`Content-Type: application/json\`.

\`\`\`sh
curl http://127.0.0.1:9700/v1/status
curl -H "Authorization: Bearer $FAIRLEAD_TOKEN" -H "Content-Type: application/json" -d '{"generation": 7}' http://127.0.0.1:9700/v1/proxies/edge/rollback
\`\`\``;

/** The page of all routes of the admin address, in Markdown. */
export function httpApiPage(): string {
  const overview = ADMIN_ROUTES.map((it) => [code(`${it.method} ${it.path}`), it.summary]);
  const parts = [
    INTRODUCTION,
    table(["request", "what it answers or does"], overview),
    "## Refusals",
    "Routes for operators answer these statuses besides their own:",
    table(["status", "meaning"], Object.entries(REFUSALS)),
    ...ADMIN_ROUTES.map(section),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section({ method, path, summary, access, statuses, example }: AdminRoute): string {
  const who = access === "everyone" ? "Everyone, also without the token." : "Operators.";
  const { body, answer } = example;
  const parts = [
    `## ${code(`${method} ${path}`)}`,
    `${summary}\n\nWho may: ${who}`,
    table(["status", "meaning"], Object.entries(statuses)),
    ...(body === undefined ? [] : [`Body: ${code(body)}`]),
    `\`\`\`text\n${answer}\n\`\`\``,
  ];
  return parts.join("\n\n");
}
