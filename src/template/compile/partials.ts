import { placeOf } from "../place-of.ts";
import { TemplateFault, type TemplateSources } from "../template-error.ts";

/** Takes `{{#*inline "name"}}` out of a program: such a partial is known in the whole template. */
export function hoistInlinePartials(
  program: hbs.AST.Program,
  inline: Map<string, hbs.AST.Program>,
): void {
  program.body = program.body.filter((statement) => {
    refuseUnsupported(statement);
    const { program: body, inverse } = statement as hbs.AST.BlockStatement;
    if (body !== undefined) hoistInlinePartials(body, inline);
    if (inverse !== undefined && inverse !== null) hoistInlinePartials(inverse, inline);
    if (statement.type !== "DecoratorBlock") return true;
    const [name] = (statement as hbs.AST.DecoratorBlock).params as hbs.AST.StringLiteral[];
    inline.set(String(name?.value), body);
    return false;
  });
}

function refuseUnsupported(statement: hbs.AST.Statement): void {
  const place = placeOf(statement.loc);
  if (statement.type === "PartialBlockStatement") {
    throw new TemplateFault("a partial cannot be given a block", {
      hint: "Include it with {{> name}}, and give it what differs as name=value",
      place,
    });
  }
  const decorator = (statement as hbs.AST.DecoratorBlock).path?.original;
  if (statement.type.startsWith("Decorator") && decorator !== "inline") {
    throw new TemplateFault(`unknown decorator "${decorator}"`, {
      hint: 'The only one is {{#*inline "name"}}',
      place,
    });
  }
}

export function partialName({ name, loc }: hbs.AST.PartialStatement): string {
  if (name.type !== "SubExpression") {
    return name.original.split(" ")[0] ?? "";
  }
  throw new TemplateFault("a partial's name cannot be the result of a helper", {
    hint: "Name it in the template; with {{#if}} it may be one or another",
    place: placeOf(loc),
  });
}

export function unknownPartial(
  name: string,
  { texts, file }: TemplateSources,
  loc: hbs.AST.SourceLocation,
): TemplateFault {
  const known = [...texts.keys()].filter((it) => it !== file);
  return new TemplateFault(`unknown partial "${name}"`, {
    hint:
      known.length === 0
        ? "Set the config's `partials` to the directory of partials"
        : `Use one of ${known.slice(0, 10).join(", ")}`,
    place: placeOf(loc),
  });
}
