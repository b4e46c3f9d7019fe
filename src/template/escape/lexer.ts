/** A statement of a format: a directive of nginx, a statement or declaration of VCL. */
export interface Statement {
  /** Its first word. `*` where a block holds data, such as the keys of nginx's `map`. */
  readonly name: string;
  /** What ended it, or `}` for the end of a block. */
  readonly end: ";" | "{" | "}";
}

/**
 * Reads text of a format from the outside, to know where in it a value is going to stand. Pure: states
 * are values, so that each branch of a template can be followed on its own.
 */
export interface Lexer<State, Place> {
  /** The state before the first character. */
  readonly start: State;
  /** The state after static text. `onStatement` is called with each statement that ends in it. */
  text(state: State, text: string, onStatement?: (statement: Statement) => void): State;
  /** Where a value stands that comes now. */
  place(state: State): Place;
  /** The state after a value, which escaping has kept within its place. */
  value(state: State): State;
}
