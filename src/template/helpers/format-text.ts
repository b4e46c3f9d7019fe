import { ArgumentFault, count, number, textArgument, unexpectedArgument } from "./arguments.ts";

interface Verb {
  readonly flags: string;
  readonly width: string;
  readonly precision: string | undefined;
  readonly verb: string;
}

/**
 * Writes values into a format, as Go's `printf` does for the verbs that configurations need.
 *
 * @throws {ArgumentFault} when a verb is unknown, or there are more or fewer values than verbs
 */
export function formatText(format: string, values: readonly unknown[]): string {
  let used = 0;
  const result = format.replace(
    /%([-0+]*)(\d*)(?:\.(\d+))?(.|$)/gsu,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (used >= values.length) {
        throw new ArgumentFault(`FORMAT has more verbs than the ${values.length} values`);
      }
      const value = values[used];
      used += 1;
      return padded(written(value, { flags, width, precision, verb }), flags, width);
    },
  );
  if (used === values.length) return result;
  throw new ArgumentFault(`FORMAT has ${used} verbs for ${values.length} values`);
}

function written(value: unknown, { flags, precision, verb }: Verb): string {
  const sign = (of: number): string => (flags.includes("+") && of >= 0 ? "+" : "");
  switch (verb) {
    case "s":
    case "v": {
      const all =
        typeof value === "object" ? JSON.stringify(value) : textArgument(value, "each VALUE");
      return precision === undefined ? all : Array.from(all).slice(0, Number(precision)).join("");
    }
    case "q":
      return JSON.stringify(textArgument(value, "a VALUE for %q"));
    case "t":
      return String(Boolean(value));
    case "d": {
      const whole = Math.trunc(number(value, "a VALUE for %d"));
      return `${sign(whole)}${whole}`;
    }
    case "x":
      return typeof value === "string"
        ? Buffer.from(value).toString("hex")
        : Math.trunc(number(value, "a VALUE for %x")).toString(16);
    case "f": {
      const of = number(value, "a VALUE for %f");
      return `${sign(of)}${of.toFixed(Math.min(Number(precision ?? 6), 20))}`;
    }
    default:
      throw unexpectedArgument("text with the verbs %s %v %d %f %x %q %t %%", `%${verb}`, "FORMAT");
  }
}

function padded(all: string, flags: string, width: string): string {
  const length = width === "" ? 0 : count(width, "a width in FORMAT", 1_000);
  if (flags.includes("-")) return all.padEnd(length);
  if (!flags.includes("0")) return all.padStart(length);
  const [, sign = "", rest = ""] = /^([+-]?)(.*)$/s.exec(all) ?? [];
  return `${sign}${rest.padStart(length - sign.length, "0")}`;
}
