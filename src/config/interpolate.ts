/*
 * `${VAR}` and `${VAR:-default}` in a config's text.
 *
 * They are masked before the text is parsed and filled in afterwards, scalar by scalar. So they may stand
 * where YAML allows no braces, such as `{ token: ${TOKEN:-} }`, and a value can never become YAML. A mask
 * is as long as what it hides: lines and columns stay what they are in the file.
 */

type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its variables masked, and what each mask hides. */
export interface Masked {
  readonly text: string;
  /** As written, such as `${HOST:-localhost}`, in the order of the text. */
  readonly hidden: readonly string[];
}

const EXPRESSION = /\$\$\{|\$\{[^}\n]*\}?/g;
/** Private-use characters: a first one, then the number of the mask, then padding. */
const [START, PADDING, FIRST_NUMBER] = ["\ue000", "\ue001", 0xe100];
const MASK = /\ue000([\ue100-\uf8ff])\ue001*/g;
const MOST = 0xf8ff - FIRST_NUMBER;

/** Masks every variable of a text. */
export function maskVariables(text: string): Masked {
  const hidden: string[] = [];
  const masked = text.replaceAll(EXPRESSION, (expression) => {
    if (hidden.length > MOST) return expression;
    hidden.push(expression);
    const number = String.fromCharCode(FIRST_NUMBER + hidden.length - 1);
    return `${START}${number}`.padEnd(expression.length, PADDING);
  });
  return { text: masked, hidden };
}

/** Whether a text holds a mask. */
export const hasMask = (text: string): boolean => text.includes(START);

/**
 * Replaces the masks of a text by the environment's values, and `$${` by a plain `${`.
 *
 * A default is used when the variable is not set or empty, as in a shell. Variables in a value are not filled in.
 *
 * @returns the text and its faults; with a fault the text is of no use
 */
export function fillIn(
  text: string,
  hidden: Masked["hidden"],
  environment: Environment,
): { readonly text: string; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const filled = text.replaceAll(MASK, (_, number: string) => {
    const expression = hidden[number.charCodeAt(0) - FIRST_NUMBER] ?? "";
    if (expression === "$${") return "${";
    const [, variable = "", fallback] = /^\$\{([^}:]*)(?::-([^}]*))?\}$/.exec(expression) ?? [];
    const fault = faultOf(expression, variable, environment[variable] ?? fallback);
    if (fault !== undefined) faults.push(fault);
    return environment[variable] || (fallback ?? "");
  });
  return { text: filled, faults };
}

function faultOf(
  expression: string,
  variable: string,
  value: string | undefined,
): string | undefined {
  if (!expression.endsWith("}")) return `"${expression}" is not closed`;
  if (!/^[A-Za-z_]\w*$/.test(variable)) return `"${expression}" does not name a variable`;
  return value === undefined ? `the environment variable ${variable} is not set` : undefined;
}
