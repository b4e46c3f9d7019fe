/** Shorter values may be in a message by chance. */
const SHORTEST_TELLING = 3;

/**
 * The values that a proxy's message quotes, such as `heavy` of `invalid parameter "weight=heavy"`. The name of a directive is
 * none of them.
 */
export function quotedValues(message: string, values: readonly string[]): readonly string[] {
  const quoted = [...message.matchAll(/"([^"]+)"(?! directive)/g)].map(([, text = ""]) => text);
  return values.filter(
    (value) => value.length >= SHORTEST_TELLING && quoted.some((it) => isWordIn(value, it)),
  );
}

/** Whether a value is in a text, and neither letters nor digits go on before or after it. */
function isWordIn(value: string, text: string): boolean {
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    const [before = "", after = ""] = [text[at - 1], text[at + value.length]];
    if (!/[\p{L}\d.]/u.test(before) && !/[\p{L}\d.]/u.test(after)) return true;
  }
  return false;
}
