/** A host name without an address. No resolver is asked for a label of more than 63 characters: it is refused at once. */
export const UNRESOLVABLE = `${"x".repeat(64)}.invalid`;
