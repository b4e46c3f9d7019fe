import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lexerOf } from "../../../src/template/escape/escaper.ts";
import { statementsOf } from "../../../src/template/escape/statements.ts";

const PIECES: readonly string[] = [
  "; } { \" ' \\ # $ ~ * ( ) , / C .".split(" "),
  " |\n|\t|\r|\v|\f|\u00a0|\u2028|\0".split("|"),
  'a x1 server map geo ${ content_by_lua_block // /* */ /*/ é \\\\ \\"'.split(" "),
  '{" "} """ C{ }C set -1.5'.split(" "),
].flat();
/** What comes after a brace decides what it is. */
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((it) => `${it.join("")} `);

describe("the statements of a whole file are those that the lexer tells of", () => {
  test.each(["nginx", "vcl"] as const)("%s", (format) => {
    fc.assert(
      fc.property(text, (it) => {
        expect(statementsOf(it, format).map(({ name, end }) => ({ name, end }))).toEqual(
          told(it, format),
        );
      }),
      { numRuns: 20_000, seed: 3 },
    );
  });
});

test("only nginx's own white space separates words", () => {
  expect(statementsOf("server_name x\u00a0#; include y;\n;", "nginx")).toMatchObject([
    { name: "server_name" },
    { name: "include" },
    { name: "" },
  ]);
});

function told(it: string, format: "nginx" | "vcl"): readonly object[] {
  const lexer = lexerOf(format);
  const statements: object[] = [];
  lexer.text(lexer.start, it, (statement) => statements.push(statement));
  return statements;
}
