import Handlebars from "handlebars";
import { partText } from "../../catalog/part.ts";
import { MARK_HELPER } from "../compile/rewrite-template.ts";
import type { HandlebarsHelper } from "../handlebars-helper.ts";
import { placeOf } from "../place-of.ts";
import { TemplateFault, type TemplatePlace } from "../template-error.ts";
import { toText, type Writer } from "../written-text.ts";
import { fieldsOf, havingText } from "./fields.ts";
import { MARK_ENDS, markText } from "./marks.ts";
import { createSources, type DataOrigin, type DataSource } from "./sources.ts";
import type { Frame, Moment, OutputOrigin, PureCall, Trace, TracedFault } from "./trace.ts";

/** What is written in place of a value that has no safe form. */
const PLACEHOLDER = "x";

/** Shorter texts may be equal by chance. */
const SHORTEST_TELLING = 4;

export function createTrace(): Trace {
  const sources = createSources();
  /** The innermost block around. */
  let frame: Frame | undefined;
  /** What the statement at hand asked for. */
  let asked: DataOrigin[] = [];
  /** A helper of the statement at hand failed: what follows from that is no fault of its own. */
  let isBroken = false;
  const faults: TracedFault[] = [];
  const passed = new Map<string, Moment[]>();
  const origins: OutputOrigin[] = [];
  const known = new WeakMap<Frame, readonly DataSource[]>();
  /** Of the program that runs. */
  let marks: readonly TemplatePlace[] = [];

  return {
    faults,
    passed,
    origins,
    answered(query, answer) {
      note(sources.answered(query, answer));
    },
    routed(routes) {
      // What the table is made from was asked for just now.
      asked = [sources.routed(routes)];
    },
    copied: sources.copied,
    about: (item, work) => within({ item, around: frame, from: [] }, work),
    sourcesOfItem: (item) => sourcesOf({ item, around: undefined, from: [] }),
    sourcesAt,
    writers(program) {
      marks = program.marks;
      return program.emissions.map(({ escape: toPlace, place }) =>
        noting((value) => toPlace(toText(value)), place),
      );
    },
    call: (run, place) => noteCall(run, place),
    helpers: {
      each: tracedBlock("each"),
      with: tracedBlock("with"),
      [MARK_HELPER](this: unknown, number) {
        asked = [];
        isBroken = false;
        const place = marks[number as number];
        if (place === undefined) return "";
        const moment = { frame: frameOf(this), asked };
        return markText(origins.push({ place, moment, isValue: false }) - 1);
      },
    },
  };

  function note(origin: DataOrigin): void {
    if (!asked.includes(origin)) asked = [...asked, origin];
  }

  /** A partial may be about something else than the block around it. */
  function frameOf(context: unknown): Frame | undefined {
    if (context === frame?.item || sources.originOf(context) === undefined) return frame;
    return { item: context, around: frame, from: [] };
  }

  function within<T>(inner: Frame, work: () => T): T {
    const around = frame;
    frame = inner;
    try {
      return work();
    } finally {
      frame = around;
    }
  }

  /** What an item is made from: its own entry, those that it holds, its list's, or that of the block around. */
  function sourcesOf(at: Frame | undefined): readonly DataSource[] {
    if (at === undefined) return [];
    const before = known.get(at);
    if (before !== undefined) return before;
    const found = find(at);
    known.set(at, found);
    return found;
  }

  function find({ item, from, around }: Frame): readonly DataSource[] {
    const own = sources.originOf(item);
    if (own !== undefined) return unique(sources.of(own));
    const held = sources.within(item);
    if (held.length > 0) return unique(held);
    const given = from.flatMap(sources.of);
    return given.length > 0 ? unique(given) : sourcesOf(around);
  }

  function sourcesAt(moment: Moment): readonly DataSource[] {
    const all = unique([...moment.asked.flatMap(sources.of), ...sourcesOf(moment.frame)]);
    const { value = "" } = moment;
    if (all.length < 2 || value.length < SHORTEST_TELLING) return all;
    return havingText(all, value);
  }

  function noting(write: Writer, place: TemplatePlace | undefined): Writer {
    const at = placeKey(place);
    return (value) => {
      const last = origins.at(-1);
      const text = typeof value === "string" ? value : undefined;
      const moment = { frame: last?.moment.frame ?? frame, asked, value: text };
      if (last !== undefined) origins[origins.length - 1] = { ...last, moment, isValue: true };
      try {
        // What looks like a mark but is data would blame another part.
        const written = write(value).replace(MARK_ENDS, "\uFFFD");
        pass(at, moment);
        return written;
      } catch (error) {
        if (!(error instanceof TemplateFault)) throw error;
        error.place ??= place;
        if (!isBroken) faults.push({ fault: error, at, moment });
        return PLACEHOLDER;
      }
    };
  }

  function noteCall(run: PureCall, place: TemplatePlace | undefined): PureCall {
    const at = placeKey(place);
    return (...args) => {
      const moment = { frame, asked };
      try {
        const result = run(...args);
        pass(at, moment);
        if (typeof result === "object" && result !== null) made(result, args);
        return result;
      } catch (error) {
        if (!(error instanceof TemplateFault)) throw error;
        if (!isBroken) faults.push({ fault: error, at, moment: { ...moment, value: error.value } });
        isBroken = true;
        return undefined;
      }
    };
  }

  /** What is made of texts is theirs down to its leaves; what is made of objects may hold these. */
  function made(result: object, args: readonly unknown[]): void {
    const given = args.flatMap((it) => sources.originOf(it) ?? []);
    const from = given.length > 0 ? given : askedFor(args);
    const isOfText = !args.some((it) => typeof it === "object" && it !== null);
    if (from.length > 0) sources.made(result, { from, isOfText });
  }

  /** Those of the answers of the statement at hand that the arguments of a call are; all, where none is known to be. */
  function askedFor(args: readonly unknown[]): readonly DataOrigin[] {
    if (asked.length < 2) return asked;
    const texts = asked.filter((it) =>
      sources.of(it).some((source) => fieldsOf(source).some(({ value }) => args.includes(value))),
    );
    return texts.length > 0 ? texts : asked;
  }

  function pass(place: string, moment: Moment): void {
    if (moment.frame === undefined && moment.asked.length === 0) return;
    const before = passed.get(place);
    if (before === undefined) passed.set(place, [moment]);
    else if (before.at(-1)?.frame !== moment.frame || moment.asked.length > 0) before.push(moment);
  }

  /** A block whose iterations are about their item. A helper's fault in one iteration loses only that iteration. */
  function tracedBlock(name: "each" | "with"): HandlebarsHelper {
    const original = Handlebars.helpers[name] as unknown as HandlebarsHelper;
    return function traced(this: unknown, ...args) {
      const options = args.at(-1) as Handlebars.HelperOptions & { loc?: hbs.AST.SourceLocation };
      const at = placeKey(placeOf(options.loc));
      const list = sources.originOf(args[0]);
      const from = list === undefined ? asked : [list];
      const around = frameOf(this);
      const fn = (item: unknown, more: unknown) => {
        const inner = { item, around, from };
        return within(inner, () => {
          const moment = { frame: inner, asked: [] };
          try {
            const text = options.fn(item, more as Handlebars.RuntimeOptions);
            pass(at, moment);
            return text;
          } catch (error) {
            if (!(error instanceof TemplateFault)) throw error;
            faults.push({ fault: error, at, moment });
            return "";
          }
        });
      };
      return original.apply(this, [...args.slice(0, -1), { ...options, fn }]);
    };
  }
}

/** One source for each part. */
function unique(all: readonly DataSource[]): readonly DataSource[] {
  if (all.length < 2) return all;
  return [...new Map(all.map((it) => [partText(it.part), it])).values()];
}

/** The text of a place, as {@link Trace.passed} knows it. */
const placeKey = (place: TemplatePlace | undefined): string =>
  place === undefined ? "" : `${place.file ?? ""}:${place.line}:${place.column}`;
