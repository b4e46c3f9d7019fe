/**
 * Turns each `{{name …}}` of a helper that writes nothing into an empty block, in place: it is then no value,
 * and is allowed where a value is not. If nothing else is on its line, the line is removed, as a block's is.
 *
 * @param writesNothing whether a helper writes nothing
 */
export function rewriteCallsWithoutOutput(
  program: hbs.AST.Program,
  writesNothing: (helper: string) => boolean,
): void {
  const { body } = program;
  for (const [i, statement] of body.entries()) {
    if (statement.type === "BlockStatement") {
      const { program: inner, inverse } = statement as hbs.AST.BlockStatement;
      rewriteCallsWithoutOutput(inner, writesNothing);
      if (inverse !== undefined && inverse !== null)
        rewriteCallsWithoutOutput(inverse, writesNothing);
    } else if (statement.type === "DecoratorBlock") {
      rewriteCallsWithoutOutput((statement as hbs.AST.DecoratorBlock).program, writesNothing);
    } else if (writesNothing(calledBy(statement))) {
      body[i] = asBlock(statement as hbs.AST.MustacheStatement);
      takeLine(body[i - 1], body[i + 1], i === 0);
    }
  }
}

function calledBy(statement: hbs.AST.Statement): string {
  if (statement.type !== "MustacheStatement") return "";
  return ((statement as hbs.AST.MustacheStatement).path as hbs.AST.PathExpression).original;
}

function asBlock({ path, params, hash, loc }: hbs.AST.MustacheStatement): hbs.AST.Statement {
  const strip = { open: false, close: false };
  const program = { type: "Program", body: [], blockParams: [], strip: {}, loc };
  const block = { path, params, hash, program, loc };
  return { type: "BlockStatement", ...block, openStrip: strip, closeStrip: strip } as never;
}

function takeLine(
  before: hbs.AST.Statement | undefined,
  after: hbs.AST.Statement | undefined,
  isFirst: boolean,
): void {
  const [left, right] = [contentOf(before), contentOf(after)];
  const startsLine = isFirst || (left !== undefined && /(^|\n)[ \t]*$/.test(left.value));
  if (!startsLine || right === undefined || !/^[ \t]*\r?\n/.test(right.value)) return;
  if (left !== undefined) left.value = left.value.replace(/[ \t]*$/, "");
  right.value = right.value.replace(/^[ \t]*\r?\n/, "");
}

const contentOf = (
  statement: hbs.AST.Statement | undefined,
): hbs.AST.ContentStatement | undefined =>
  statement?.type === "ContentStatement" ? (statement as hbs.AST.ContentStatement) : undefined;
