import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { AppError } from "../errors.ts";
import { fillIn, hasMask, maskVariables } from "./interpolate.ts";

/** Something wrong at one place of the config file. */
export interface ConfigFinding {
  /** From 1; absent when it is not from the file. */
  readonly line?: number;
  readonly column?: number;
  readonly text: string;
}

/** A config file's content as plain data that still knows where each part of it stands. */
export interface ConfigDocument {
  readonly data: unknown;
  /** Position of the value at `path`, or of its nearest ancestor that is there. */
  positionOf(path: readonly PropertyKey[]): Position;
  /** Position of the key at the end of `path`. */
  positionOfKey(path: readonly PropertyKey[]): Position;
  /** The text as written at `path`, unless it holds a `${…}`: a value of the environment may be a secret. */
  writtenAt(path: readonly PropertyKey[]): string | undefined;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Parses YAML (JSON is a part of it) and fills in the environment's values.
 *
 * @param environment absent when `${` has no meaning in the file
 *
 * @returns the document, or all syntax faults and unset variables as findings
 */
export function parseConfigDocument(
  text: string,
  environment: Readonly<Record<string, string | undefined>> | undefined,
): { readonly document: ConfigDocument } | { readonly findings: readonly ConfigFinding[] } {
  const lines = new LineCounter();
  const masked = environment === undefined ? { text, hidden: [] } : maskVariables(text);
  const yaml = parseDocument(masked.text, { lineCounter: lines, prettyErrors: false });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const findings: ConfigFinding[] = yaml.errors.map((error) => ({
    ...position(error.pos[0]),
    text: `not valid YAML: ${error.message}`,
  }));
  const filled = new Set<unknown>();
  visit(yaml, {
    Scalar(_, node) {
      if (environment === undefined || typeof node.value !== "string" || !hasMask(node.value))
        return;
      const result = fillIn(node.value, masked.hidden, environment);
      node.value = result.text;
      filled.add(node);
      for (const fault of result.faults) {
        findings.push({ ...position(node.range?.[0] ?? 0), text: fault });
      }
    },
  });
  if (findings.length > 0) return { findings };
  return {
    document: {
      data: toData(yaml),
      positionOf: (path) => position(offsetOf(yaml, path)),
      positionOfKey: (path) => position(keyOffset(yaml, path) ?? offsetOf(yaml, path)),
      writtenAt(path) {
        const node = yaml.getIn(path, true);
        return isScalar(node) && !filled.has(node) ? JSON.stringify(node.value) : undefined;
      },
    },
  };
}

function toData(yaml: Document): unknown {
  try {
    return yaml.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new AppError("CONFIG", "Cannot read the config as its aliases expand to too much", {
      hint: "Write the repeated parts out",
      cause,
    });
  }
}

function offsetOf(yaml: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = yaml.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return yaml.contents?.range?.[0] ?? 0;
}

function keyOffset(yaml: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? yaml.contents : yaml.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}
