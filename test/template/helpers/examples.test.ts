import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { HELPER_GROUPS } from "../../../src/template/helpers/all-helpers.ts";
import { renderExample } from "../../helpers/render-example.ts";

const ALL = HELPER_GROUPS.flatMap(({ helpers }) => Object.entries(helpers));

describe("the helpers' examples", () => {
  test.each(ALL)("%s", (_, { example, output }) => {
    expect(renderExample(example)).toBe(output);
  });

  test("no two helpers have one name, and each is in its own signature and example", () => {
    const names = ALL.flatMap(([name, { aliases }]) => [name, ...(aliases ?? [])]);
    expect(names).toEqual([...new Set(names)]);
    for (const [name, { signature, example }] of ALL) {
      expect(signature).toMatch(new RegExp(`^${name}( |$)`));
      expect(example).toContain(name);
    }
  });
});

describe("a wrong argument", () => {
  test.each([
    ['{{add 1 "x"}}', 't.hbs:1:1: add: each argument must be a number, got "x"', "add A B …"],
    ['{{lower (service "web")}}', "lower: TEXT must be text, got [{", "lower TEXT"],
    ["{{join 5}}", "join: LIST must be a list, got 5", "join LIST SEPARATOR"],
    ['{{join (list "a" "b")}}', "join: SEPARATOR must be text, got nothing", "join LIST SEPARATOR"],
    ["{{keyExists 5}}", "keyExists: NAME must be a name in quotes, got 5", "keyExists NAME"],
  ])("%s", (source, message, hint) => {
    try {
      renderExample(source);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      expect(error.message).toContain(message);
      expect(error.hint).toContain(hint);
      return;
    }
    throw new Error("nothing was refused");
  });
});
