/** Where a value stands in an nginx configuration. */
export interface NginxPlace {
  readonly format: "nginx";
  readonly kind: "word" | "double" | "single" | "comment" | "code" | "name" | "afterBackslash";
  /** No static text of the same word stands before it. */
  readonly isStart: boolean;
  /** Nothing of the same word stands before it. */
  readonly isFirst: boolean;
  /** Static text of the same word follows at once. */
  readonly isJoined: boolean;
  /** nginx reads the word as a regular expression. */
  readonly isRegex: boolean;
  /** A dollar sign stands just before it. */
  readonly afterDollar: boolean;
  /** The word is read as the name of a file to include or load. */
  readonly isFile: boolean;
  /** The word is the first one of an entry of this block, such as `map`, where some words have a meaning. */
  readonly keyOf: string | undefined;
  /** The directive that it is an argument of, where the static text tells. */
  readonly directive: string | undefined;
}
