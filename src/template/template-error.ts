import { AppError } from "../errors.ts";

/** A place in a template. */
export interface TemplatePlace {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** What helpers and escaping throw: what is wrong, to be completed by the template's name and place. */
export class TemplateFault extends Error {
  override readonly name = "TemplateFault";
  readonly hint: string;
  /** Where in the template; set by whoever knows first. */
  place: TemplatePlace | undefined;

  constructor(message: string, options: { hint: string; place?: TemplatePlace | undefined }) {
    super(message);
    this.hint = options.hint;
    this.place = options.place;
  }
}

/** Completes a fault: `file:line:column: text`, the line itself, and a caret below the column. */
export function templateError(
  fault: {
    readonly message: string;
    readonly hint: string;
    readonly place?: TemplatePlace | undefined;
  },
  template: { readonly file: string; readonly text: string },
): AppError {
  const { place } = fault;
  if (place === undefined) {
    return new AppError("TEMPLATE", `${template.file}: ${fault.message}`, { hint: fault.hint });
  }
  const head = `${template.file}:${place.line}:${place.column}: ${fault.message}`;
  return new AppError("TEMPLATE", `${head}\n${excerpt(template.text, place)}`, {
    hint: fault.hint,
  });
}

function excerpt(text: string, { line, column }: TemplatePlace): string {
  const gutter = `${line} | `;
  const source = (text.split("\n")[line - 1] ?? "").replaceAll("\t", " ");
  return `${gutter}${source}\n${" ".repeat(gutter.length + column - 1)}^`;
}
