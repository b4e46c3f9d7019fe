import Handlebars from "handlebars";

/*
 * Handlebars copies the options of each call of a helper, and creates them for each `{{x}}`. With tens of
 * thousands of values that is most of a render's time: programs call ours directly instead.
 *
 * Source: Handlebars 4.7, lib/handlebars/compiler/javascript-compiler.js, nameLookup() and invokeKnownHelper().
 */

/** Under this name a program finds its helpers, by their own names. */
export const HELPERS = " helpers";
/** Under this name a program finds what writes its values, by the number of the emission. */
export const WRITERS = " writers";
/** Under this name a program finds its loops whose iterations can be reused, by their number. */
export const LOOPS = " loops";
export const loopName = (number: number): string => ` loop ${number}`;
/** Under this name a program finds helpers that look at nothing but their arguments, by the number of the call. */
export const CALLS = " calls";
export const callName = (number: number): string => ` call ${number}`;
/** `{{x}}`, rewritten to a call with the value and the number of the emission. */
export const EMIT_HELPER = " emit";

/** Needs to be given the way to look up properties by Handlebars. */
const WRAPPED = "lookup";

/** What is used of Handlebars' generator of code. */
declare class CodeGenerator {
  nameLookup(parent: string, name: string, type?: string): unknown;
  invokeKnownHelper(paramSize: number, name: string): void;
  popStack(): unknown;
  push(code: unknown): unknown;
}

const handlebars = Handlebars.create() as unknown as Pick<
  typeof Handlebars,
  "compile" | "unregisterHelper"
> & { JavaScriptCompiler: typeof CodeGenerator };
handlebars.unregisterHelper("log"); // it prints

class DirectCalls extends handlebars.JavaScriptCompiler {
  override nameLookup(parent: string, name: string, type?: string): unknown {
    if (type !== "helper" || name === WRAPPED) return super.nameLookup(parent, name, type);
    const loop = /^ loop (\d+)$/.exec(name)?.[1];
    return loop === undefined
      ? `${parent}[${JSON.stringify(HELPERS)}][${JSON.stringify(name)}]`
      : `${parent}[${JSON.stringify(LOOPS)}][${loop}]`;
  }

  override invokeKnownHelper(paramSize: number, name: string): void {
    const call = /^ call (\d+)$/.exec(name)?.[1];
    if (name === EMIT_HELPER) {
      const [value, number] = this.#popArguments(2);
      this.push([`helpers[${JSON.stringify(WRITERS)}][`, number, "](", value, ")"]);
    } else if (call === undefined) {
      super.invokeKnownHelper(paramSize, name);
    } else {
      const list = this.#popArguments(paramSize).flatMap((it, i) => (i === 0 ? [it] : [",", it]));
      this.push([`helpers[${JSON.stringify(CALLS)}][${call}](`, ...list, ")"]);
    }
  }

  /** The arguments of a call that takes nothing else. */
  #popArguments(count: number): readonly unknown[] {
    for (const _ of ["hash", "inverse", "program"]) this.popStack();
    return Array.from({ length: count }, () => this.popStack()).toReversed();
  }
}
// What compiles the programs of blocks.
Object.assign(DirectCalls.prototype, { compiler: DirectCalls });
handlebars.JavaScriptCompiler = DirectCalls;

/**
 * Compiles a program whose helpers, as far as they are `known`, are given to it under {@link HELPERS}, and
 * what writes its values under {@link WRITERS}.
 */
export function compileHandlebars(
  program: hbs.AST.Program,
  known: Iterable<string>,
): Handlebars.TemplateDelegate {
  const knownHelpers = Object.fromEntries([...known, EMIT_HELPER].map((name) => [name, true]));
  return handlebars.compile(program, { knownHelpers });
}
