import type { RenderContext } from "../render/render-context.ts";

interface Description {
  /** How it is called, such as `join LIST [SEPARATOR]`. */
  readonly signature: string;
  /** What it gives, one sentence without a final period. */
  readonly meaning: string;
  /** A template that the tests render with the example catalog. */
  readonly example: string;
  /** What the example renders to, exactly. */
  readonly output: string;
  /** Other names that do the same, such as consul-template's. */
  readonly aliases?: readonly string[];
  /** `{{name …}}` writes nothing, so it is allowed where a value is not. */
  readonly writesNothing?: boolean;
}

/** A helper that looks at nothing but its arguments. */
interface PureHelper extends Description {
  /** Takes the arguments as the template has them; those that it left out are `undefined`. */
  readonly run: (...args: readonly unknown[]) => unknown;
}

/** A helper that answers from what is being rendered. */
interface RenderHelper extends Description {
  readonly answer: (call: HelperCall, ...args: readonly unknown[]) => unknown;
}

/** A helper with all that `fairlead helpers` and the generated page say of it. */
export type HelperDefinition = PureHelper | RenderHelper;

/** The surroundings of a call of a {@link RenderHelper}. */
export interface HelperCall {
  readonly context: RenderContext;
  /** Arguments written as `name=value`. */
  readonly named: Readonly<Record<string, unknown>>;
}

/** Helpers of one subject, by name. */
export interface HelperGroup {
  /** Heading of the generated page. */
  readonly title: string;
  readonly helpers: Readonly<Record<string, HelperDefinition>>;
}
