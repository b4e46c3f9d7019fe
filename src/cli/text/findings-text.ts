import { kindOf } from "../../proxy/proxy-kinds.ts";
import type { ProxyFindings } from "../commands/check-proxy.ts";
import type { CheckFinding } from "../commands/finding.ts";
import type { TerminalStyle } from "./terminal-style.ts";

const INDENT = " ".repeat(10);

/** Findings for people: below their proxy, errors first, with the totals at the end. */
export function findingsText(
  proxies: readonly ProxyFindings[],
  partials: readonly CheckFinding[],
  style: TerminalStyle,
): string {
  const parts = proxies.map((it) => proxyText(it, style));
  if (partials.length > 0) parts.push(section("partials", partials, style));
  return [...parts, `${sum([...proxies.flatMap((it) => it.findings), ...partials])}\n`].join("");
}

function proxyText(
  { name, kind, findings, accepted }: ProxyFindings,
  style: TerminalStyle,
): string {
  const program = kindOf({ kind }).title;
  const verdict =
    accepted === undefined
      ? ""
      : `  ${style("good", "ok".padEnd(8))}${counted(accepted, "file")}, accepted by ${program}\n`;
  return section(`${name} (${program})`, findings, style) + verdict;
}

const LEVELS = ["error", "warning", "note"] as const;

function section(title: string, findings: readonly CheckFinding[], style: TerminalStyle): string {
  const sorted = LEVELS.flatMap((level) => findings.filter((it) => it.level === level));
  return `${style("place", title)}\n${sorted.map((it) => findingText(it, style)).join("")}`;
}

function findingText({ level, text, hint }: CheckFinding, style: TerminalStyle): string {
  const [first = "", ...rest] = text.split("\n");
  const lines = [
    `  ${style(level, level.padEnd(8))}${first}`,
    ...rest.map((line) => `${INDENT}${line}`),
    ...(hint === undefined ? [] : [`${INDENT}${style("dim", `→ ${hint}`)}`]),
  ];
  return `${lines.join("\n")}\n`;
}

function sum(findings: readonly CheckFinding[]): string {
  const counts = LEVELS.map((level) => [level, findings.filter((it) => it.level === level).length]);
  return counts.map(([level, count]) => counted(Number(count), String(level))).join(", ");
}

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;
