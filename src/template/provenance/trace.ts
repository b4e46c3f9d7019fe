import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { Route } from "../../route/route.ts";
import type { Program } from "../compile/compile-template.ts";
import type { HandlebarsHelper } from "../handlebars-helper.ts";
import type { TemplateFault, TemplatePlace } from "../template-error.ts";
import type { Writer } from "../written-text.ts";
import type { DataOrigin, DataSource } from "./sources.ts";

/** A fault of a render. */
export interface TracedFault {
  readonly fault: TemplateFault;
  /** The place, as {@link Trace.passed} knows it, that others may have passed. */
  readonly at: string;
  readonly moment: Moment;
}

/** What a render is about where it writes something or calls a helper. */
export interface Moment {
  readonly frame: Frame | undefined;
  /** What the statement at hand asked for. */
  readonly asked: readonly DataOrigin[];
  /** The text that was written. */
  readonly value?: string | undefined;
}

/** An item of a block, within the blocks around it. */
export interface Frame {
  readonly item: unknown;
  readonly around: Frame | undefined;
  /** Where the item's list comes from, or what the block's arguments asked for. */
  readonly from: readonly DataOrigin[];
}

/** Where one piece of the output comes from. */
export interface OutputOrigin {
  readonly place: TemplatePlace;
  readonly moment: Moment;
  /** Whether it is a value; else it is the template's own text. */
  readonly isValue: boolean;
}

/** What a render notes when it is asked where its output comes from. It goes on after faults of single parts. */
export interface Trace {
  /** Notes where an answer and its entries come from. */
  answered(query: Query, answer: AnswerValue): void;
  /** Notes the services and instances of routes and servers. */
  routed(routes: readonly Route[]): void;
  /** Notes that `copy` stands for an entry of an answer. */
  copied(copy: object, entry: object): void;
  /** Runs `work` with `item` as what it is about. */
  about<T>(item: unknown, work: () => T): T;
  /** The parts that an item comes from. */
  sourcesOfItem(item: object): readonly DataSource[];
  /** The parts whose data there was at a moment. */
  sourcesAt(moment: Moment): readonly DataSource[];
  /** What writes a program's values, and notes that. */
  writers(program: Program): readonly Writer[];
  /** A helper that looks at nothing but its arguments, with notes of what it makes of them. */
  call(run: PureCall, place: TemplatePlace | undefined): PureCall;
  /** Marks, and Handlebars' blocks that bind an item. */
  readonly helpers: Readonly<Record<string, HandlebarsHelper>>;
  readonly faults: readonly TracedFault[];
  /** What passed each place without a fault. */
  readonly passed: ReadonlyMap<string, readonly Moment[]>;
  /** By the number in the output's marks. */
  readonly origins: readonly OutputOrigin[];
}

export type PureCall = (...args: readonly unknown[]) => unknown;
