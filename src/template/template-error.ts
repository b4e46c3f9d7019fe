import { AppError } from "../errors.ts";

/** A place in a template. */
export interface TemplatePlace {
  /** The template or partial, as {@link TemplateSources} knows it; the template itself when absent. */
  readonly file?: string | undefined;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** A template with the partials that it may include. */
export interface TemplateSources {
  /** The template's name, as the config has it. */
  readonly file: string;
  /** Texts by name: the template's and its partials'. */
  readonly texts: ReadonlyMap<string, string>;
}

/** What helpers and escaping throw: what is wrong, to be completed by the template's name and place. */
export class TemplateFault extends Error {
  override readonly name = "TemplateFault";
  readonly hint: string;
  /** Where in the template; set by the first caller that knows it. */
  place: TemplatePlace | undefined;
  /** The value at fault, when it is that beyond doubt: it has no safe form where it stands. */
  readonly value: string | undefined;
  /** Further faults that were found on the same way. */
  readonly also: readonly TemplateFault[];

  constructor(
    message: string,
    options: {
      hint: string;
      place?: TemplatePlace | undefined;
      value?: string;
      also?: readonly TemplateFault[];
    },
  ) {
    super(message);
    this.hint = options.hint;
    this.place = options.place;
    this.value = options.value;
    this.also = options.also ?? [];
  }
}

/** Completes a fault: `file:line:column: text`, the line itself, and a caret below the column. */
export function templateError(
  fault: Pick<TemplateFault, "message" | "hint" | "place"> & Partial<Pick<TemplateFault, "also">>,
  sources: TemplateSources,
): AppError {
  const also = fault.also?.map((it) => templateError(it, sources)) ?? [];
  return new AppError("TEMPLATE", faultText(fault, sources), { hint: fault.hint, also });
}

/** A fault's message with its place, the template's line and a caret. */
export function faultText(
  { message, place }: Pick<TemplateFault, "message" | "place">,
  sources: TemplateSources,
): string {
  if (place === undefined) return `${sources.file}: ${message}`;
  const file = place.file ?? sources.file;
  return `${file}:${place.line}:${place.column}: ${message}\n${excerpt(sources.texts.get(file) ?? "", place)}`;
}

/** A template's line and a caret below the column. */
export function excerpt(text: string, { line, column }: TemplatePlace): string {
  const gutter = `${line} | `;
  const source = (text.split("\n")[line - 1] ?? "").replaceAll("\t", " ");
  return `${gutter}${source}\n${" ".repeat(gutter.length + column - 1)}^`;
}
