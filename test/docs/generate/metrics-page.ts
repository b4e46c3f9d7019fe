import {
  METRIC_DEFINITIONS,
  type MetricDefinition,
} from "../../../src/admin/metric-definitions.ts";
import { code, GENERATED, plain, table } from "./markdown.ts";

const INTRODUCTION = `# Metrics

${GENERATED}

\`GET /metrics\` of the admin address answers in Prometheus' text format. Node's own metrics (\`process_*\`, \`nodejs_*\`) are there
too. The label \`proxy\` is the proxy's name in the config. Rules for alerts: [operating](../guides/operating.md#alerts).`;

/** The page of all metrics, in Markdown. */
export function metricsPage(): string {
  const rows = METRIC_DEFINITIONS.map((it) => [
    code(it.name),
    it.type,
    Object.keys(it.labels).map(code).join(", "),
    plain(it.help),
  ]);
  const parts = [
    INTRODUCTION,
    table(["metric", "type", "labels", "meaning"], rows),
    "## Values of labels",
    table(["metric", "label", "values"], METRIC_DEFINITIONS.flatMap(labelRows)),
  ];
  return `${parts.join("\n\n")}\n`;
}

const labelRows = ({ name, labels }: MetricDefinition): readonly (readonly string[])[] =>
  Object.entries(labels)
    .filter(([label]) => label !== "proxy")
    .map(([label, values]) => [code(name), code(label), values]);
