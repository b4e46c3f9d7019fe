import { number } from "./arguments.ts";
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
    multiply: {
      signature: "multiply A B …",
      meaning: "Their product",
      example: "{{multiply 2 3}}",
      output: "6",
      aliases: ["mul"],
      run: (...args) =>
        args.reduce<number>((product, it) => product * number(it, "each argument"), 1),
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
