/** Where a value stands in a VCL. */
export interface VclPlace {
  readonly format: "vcl";
  readonly kind:
    | "word"
    | "statement"
    | "string"
    | "longString"
    | "lineComment"
    | "blockComment"
    | "code";
  /** Nothing of the same word stands before it. */
  readonly isStart: boolean;
  /** How the text is read. */
  readonly meaning: "pattern" | "replacement" | "acl" | "file" | "fileName" | "ban" | "plain";
  /** The character just before it. */
  readonly before: string;
}
