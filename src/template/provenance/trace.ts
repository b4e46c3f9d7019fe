import Handlebars from "handlebars";
import type { CatalogNode, Instance, KeyValue, ServiceSummary } from "../../catalog/instance.ts";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { Route } from "../../route/route.ts";
import type { Program } from "../compile/compile-template.ts";
import { MARK_HELPER } from "../compile/rewrite-template.ts";
import type { HandlebarsHelper } from "../handlebars-helper.ts";
import { placeOf } from "../place-of.ts";
import { TemplateFault, type TemplatePlace } from "../template-error.ts";
import { toText, type Writer } from "../written-text.ts";

/** Whose data a piece of the output was made from. */
export interface Subject {
  readonly service: string;
  /** Absent when it is the service as a whole. */
  readonly instance?: string;
  readonly node?: string;
}

/** A fault of a render, and whose data it met. */
export interface TracedFault {
  readonly fault: TemplateFault;
  readonly subject: Subject;
  /** The place, as {@link Trace.passed} knows it, that others may have passed. */
  readonly at: string;
}

/** Where one piece of the output comes from. */
export interface OutputOrigin {
  readonly place: TemplatePlace;
  readonly subject: Subject | undefined;
}

/** What a render notes when it is asked where its output comes from. It goes on after faults of single services. */
export interface Trace {
  /** Notes the subjects of the answer's entries. */
  answered(query: Query, answer: AnswerValue): void;
  /** Notes the subjects of routes and servers. */
  routed(routes: readonly Route[]): void;
  /** Runs `work` with `item` as what it is about. */
  about<T>(item: unknown, work: () => T): T;
  /** The subject of an item. */
  subjectOf(item: object): Subject | undefined;
  /** What writes a program's values, and notes that. */
  writers(program: Program): readonly Writer[];
  /** Marks, and Handlebars' blocks that bind an item. */
  readonly helpers: Readonly<Record<string, HandlebarsHelper>>;
  readonly faults: readonly TracedFault[];
  /** The services whose data passed a place, by the place's text. */
  readonly passed: ReadonlyMap<string, ReadonlySet<string>>;
  /** By the number in the output's marks. */
  readonly origins: readonly OutputOrigin[];
}

/** What a mark looks like in the output: characters that no configuration has. */
const MARK_ENDS = /[\u{F0000}\u{F0001}]/gu;
const markText = (number: number): string => `\u{F0000}${number}\u{F0001}`;
export const MARK = /\u{F0000}(\d+)\u{F0001}/gu;

export const withoutMarks = (text: string): string => text.replace(MARK, "");

/** What is written in place of a value that has no safe form. */
const PLACEHOLDER = "x";

export function createTrace(): Trace {
  const subjects = new WeakMap<object, Subject>();
  /** Items of the blocks around, innermost last. */
  const items: unknown[] = [];
  /** Services asked since the last value was written. */
  const recent = new Set<string>();
  const faults: TracedFault[] = [];
  const passed = new Map<string, Set<string>>();
  const origins: OutputOrigin[] = [];
  /** Of the program that runs. */
  let marks: readonly TemplatePlace[] = [];

  return {
    faults,
    passed: passed,
    origins,
    answered(query, answer) {
      if ("name" in query) recent.add(query.name);
      if (Array.isArray(answer)) for (const entry of answer) know(entry as CatalogEntry);
    },
    routed(routes) {
      for (const route of routes) {
        subjects.set(route, { service: route.service });
        for (const server of route.servers) {
          const { instance, node } = server;
          subjects.set(server, { service: route.service, instance, node });
        }
      }
    },
    about: (item, work) => about(item, work),
    subjectOf: (item) => subjects.get(item),
    writers(program) {
      marks = program.marks;
      return program.emissions.map(({ escape: toPlace, place }) =>
        noting((value) => toPlace(toText(value)), place),
      );
    },
    helpers: {
      each: tracedBlock("each"),
      with: tracedBlock("with"),
      [MARK_HELPER](number) {
        const place = marks[number as number];
        if (place === undefined) return "";
        return markText(origins.push({ place, subject: subject() }) - 1);
      },
    },
  };

  function know(entry: CatalogEntry): void {
    if (typeof entry !== "object" || entry === null) return;
    if ("createIndex" in entry) {
      subjects.set(entry, { service: entry.name, instance: entry.id, node: entry.node });
    } else if ("tags" in entry) {
      subjects.set(entry, { service: entry.name });
    }
  }

  function about<T>(item: unknown, work: () => T): T {
    items.push(item);
    try {
      return work();
    } finally {
      items.pop();
    }
  }

  function subject(): Subject | undefined {
    for (const item of items.toReversed()) {
      const found = typeof item === "object" && item !== null ? subjects.get(item) : undefined;
      if (found !== undefined) return found;
    }
    const [only] = recent;
    return only !== undefined && recent.size === 1 ? { service: only } : undefined;
  }

  function noting(write: Writer, place: TemplatePlace | undefined): Writer {
    return (value) => {
      const whose = subject();
      recent.clear();
      try {
        // What looks like a mark but is data would blame another service.
        const text = write(value).replace(MARK_ENDS, "\uFFFD");
        note(place, whose);
        return text;
      } catch (error) {
        if (!(error instanceof TemplateFault) || whose === undefined) throw error;
        error.place ??= place;
        faults.push({ fault: error, subject: whose, at: placeKey(place) });
        return PLACEHOLDER;
      }
    };
  }

  function note(place: TemplatePlace | undefined, whose: Subject | undefined): void {
    if (whose === undefined) return;
    const key = placeKey(place);
    const services = passed.get(key) ?? new Set();
    services.add(whose.service);
    passed.set(key, services);
  }

  /** A block whose iterations are about their item. A helper's fault in one iteration loses only that iteration. */
  function tracedBlock(name: "each" | "with"): HandlebarsHelper {
    const original = Handlebars.helpers[name] as unknown as HandlebarsHelper;
    return function traced(this: unknown, ...args) {
      const options = args.at(-1) as Handlebars.HelperOptions & { loc?: hbs.AST.SourceLocation };
      const place = placeOf(options.loc);
      const fn = (item: unknown, more: unknown) =>
        about(item, () => {
          const whose = subject();
          try {
            const text = options.fn(item, more as Handlebars.RuntimeOptions);
            note(place, whose);
            return text;
          } catch (error) {
            if (!(error instanceof TemplateFault) || whose === undefined) throw error;
            faults.push({ fault: error, subject: whose, at: placeKey(place) });
            return "";
          }
        });
      return original.apply(this, [...args.slice(0, -1), { ...options, fn }]);
    };
  }
}

type CatalogEntry = Instance | ServiceSummary | CatalogNode | KeyValue | string;

/** The text of a place, as {@link Trace.passed} knows it. */
const placeKey = (place: TemplatePlace | undefined): string =>
  place === undefined ? "" : `${place.file ?? ""}:${place.line}:${place.column}`;
