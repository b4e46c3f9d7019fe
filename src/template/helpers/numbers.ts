import { listArgument, number, textArgument, unexpectedArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Numbers. */
export const NUMBERS: HelperGroup = {
  title: "Numbers",
  helpers: {
    add: {
      signature: "add A B …",
      meaning: "Their sum",
      example: "{{add 1 2 3}}",
      output: "6",
      run: (...args) => args.reduce<number>((sum, it) => sum + number(it, "each argument"), 0),
    },
    subtract: {
      signature: "subtract A B",
      meaning: "A less B",
      example: "{{subtract 5 2}}",
      output: "3",
      aliases: ["sub"],
      run: (a, b) => number(a, "A") - number(b, "B"),
    },
    multiply: {
      signature: "multiply A B …",
      meaning: "Their product",
      example: "{{multiply 2 3}}",
      output: "6",
      aliases: ["mul"],
      run: (...args) =>
        args.reduce<number>((product, it) => product * number(it, "each argument"), 1),
    },
    divide: {
      signature: "divide A B",
      meaning: "A divided by B, which may leave a fraction",
      example: "{{divide 10 4}}",
      output: "2.5",
      aliases: ["div"],
      run: (a, b) => number(a, "A") / divisor(b),
    },
    modulo: {
      signature: "modulo A B",
      meaning: "What a division of A by B leaves",
      example: "{{modulo 5 3}}",
      output: "2",
      aliases: ["mod"],
      run: (a, b) => number(a, "A") % divisor(b),
    },
    minimum: {
      signature: "minimum A B …",
      meaning: "The least of the numbers, which may also be given as one list",
      example: "{{minimum 2 5}}",
      output: "2",
      aliases: ["min"],
      run: (...args) => Math.min(...numbers(args)),
    },
    maximum: {
      signature: "maximum A B …",
      meaning: "The greatest of the numbers, which may also be given as one list",
      example: '{{maximum (pluck (service "web") "port")}}',
      output: "8081",
      aliases: ["max"],
      run: (...args) => Math.max(...numbers(args)),
    },
    round: {
      signature: "round A [DIGITS]",
      meaning: "A with that many digits after the point, none by default",
      example: "{{round 2.345 1}} {{round 2.5}}",
      output: "2.3 3",
      run: (a, digits) => {
        const factor = 10 ** Math.min(Math.max(number(digits ?? 0, "DIGITS"), 0), 15);
        return Math.round(number(a, "A") * factor) / factor;
      },
    },
    floor: {
      signature: "floor A",
      meaning: "The greatest whole number that is not above A",
      example: "{{floor 2.9}}",
      output: "2",
      run: (a) => Math.floor(number(a, "A")),
    },
    ceil: {
      signature: "ceil A",
      meaning: "The least whole number that is not below A",
      example: "{{ceil 2.1}}",
      output: "3",
      run: (a) => Math.ceil(number(a, "A")),
    },
    parseInt: {
      signature: "parseInt TEXT",
      meaning: "The whole number that TEXT is",
      example: '{{add (parseInt (key "app/pool/max")) 1}}',
      output: "11",
      aliases: ["atoi", "int"],
      run: (a) => whole(a, Number.MIN_SAFE_INTEGER),
    },
    parseUint: {
      signature: "parseUint TEXT",
      meaning: "The whole number of at least 0 that TEXT is",
      example: '{{parseUint "10"}}',
      output: "10",
      run: (a) => whole(a, 0),
    },
    parseFloat: {
      signature: "parseFloat TEXT",
      meaning: "The number that TEXT is",
      example: '{{parseFloat "1.50"}}',
      output: "1.5",
      aliases: ["float64"],
      run: (a) => number(a, "TEXT"),
    },
    parseBool: {
      signature: "parseBool TEXT",
      meaning:
        "Whether TEXT is 1, t, T, true, TRUE or True; anything but their opposites is a fault",
      example: '{{parseBool "true"}} {{parseBool "0"}}',
      output: "true false",
      run: (a) => {
        const word = textArgument(a, "TEXT");
        if (/^(1|t|T|true|TRUE|True)$/.test(word)) return true;
        if (/^(0|f|F|false|FALSE|False)$/.test(word)) return false;
        throw unexpectedArgument("true or false", a, "TEXT");
      },
    },
    isNumber: {
      signature: "isNumber VALUE",
      meaning: "Whether VALUE is a number; text that could be one is not",
      example: '{{isNumber 3}} {{isNumber "3"}}',
      output: "true false",
      run: (a) => typeof a === "number",
    },
  },
};

function numbers(args: readonly unknown[]): readonly number[] {
  const [only] = args;
  const all = args.length === 1 && Array.isArray(only) ? listArgument(only, "LIST") : args;
  if (all.length === 0) throw unexpectedArgument("at least one number", undefined, "A");
  return all.map((it) => number(it, "each number"));
}

function divisor(value: unknown): number {
  const result = number(value, "B");
  if (result !== 0) return result;
  throw unexpectedArgument("another number than 0", value, "B");
}

function whole(value: unknown, least: number): number {
  const result = number(value, "TEXT");
  if (Number.isSafeInteger(result) && result >= least) return result;
  throw unexpectedArgument(
    least === 0 ? "a whole number of at least 0" : "a whole number",
    value,
    "TEXT",
  );
}
