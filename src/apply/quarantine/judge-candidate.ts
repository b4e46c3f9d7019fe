import type { Snapshot } from "../../catalog/snapshot.ts";
import { AppError } from "../../errors.ts";
import {
  type BlameOptions,
  blameLine,
  blameRender,
  type LineOrigin,
} from "../../template/provenance/blame.ts";
import { type Rendered, renderProxy } from "../../template/render/render-proxy.ts";
import type { RenderAnswers } from "../in-force/answers-in-force.ts";
import type { CheckResult, ProxyDriver } from "../proxy-driver.ts";
import { stage, unstage } from "../swap/stage.ts";
import type { Verdict } from "./find-culprits.ts";
import { partOfSubject } from "./part-of-subject.ts";

/** A check that refused. */
export type RefusedCheck = Omit<Extract<CheckResult, { ok: false }>, "ok">;

type Refusal = Extract<Verdict, { isOk: false }>;

/** What candidates are rendered with, beside their answers. */
export interface CandidateParts {
  readonly from: Omit<BlameOptions, "snapshot" | "leftOut">;
  readonly driver: Pick<ProxyDriver, "check">;
  /** Stage there instead of beside the live files. */
  readonly directory?: string;
  readonly signal: AbortSignal;
}

/** Renders a candidate from these answers, and asks the proxy's own binary about it. Touches nothing live. */
export async function judgeCandidate(
  answers: RenderAnswers,
  parts: CandidateParts,
): Promise<Verdict> {
  const options = { ...parts.from, snapshot: answers, leftOut: answers.leftOut };
  const rendered = judgeRender(options);
  if ("isOk" in rendered) return rendered;
  const result = await checkRendered(rendered, parts);
  return result.ok ? { isOk: true } : checkVerdict(result, options);
}

/** Renders. What the render lacks is a refusal, too: without some parts a template may ask for more. */
export function judgeRender(options: BlameOptions): Rendered | Refusal {
  try {
    const rendered = renderProxy(options.templates, options.snapshot, options);
    if (rendered.kind === "rendered") return rendered;
    return { isOk: false, reason: "it asks for more", hint: "", named: [], place: "" };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return renderVerdict(error, options);
  }
}

/** The verdict of a proxy's check on what was rendered from these answers. */
export function checkVerdict(refusal: RefusedCheck, options: BlameOptions): Refusal {
  const origin = refusal.at === undefined ? undefined : blameLine(refusal.at, options);
  return {
    isOk: false,
    reason: explained(refusal, origin),
    hint: refusal.hint,
    named: namedBy(origin, options.snapshot),
    place: origin?.place ?? "",
  };
}

/** A refusal's words with the rendered line and the template's line behind it, where the check named one. */
export function explainRefusal(refusal: RefusedCheck, options: BlameOptions): string {
  const origin = refusal.at === undefined ? undefined : blameLine(refusal.at, options);
  return explained(refusal, origin);
}

const explained = ({ output }: RefusedCheck, origin: LineOrigin | undefined): string =>
  origin === undefined ? output : `${output}\n${origin.excerpt}`;

function namedBy(origin: LineOrigin | undefined, snapshot: Snapshot): Refusal["named"] {
  if (origin?.subject === undefined) return [];
  const { field, ...subject } = origin.subject;
  const named = { text: partOfSubject(subject, snapshot).text };
  return [field === undefined ? named : { ...named, field }];
}

/** The verdict of a render that failed. */
export function renderVerdict(error: AppError, options: BlameOptions): Refusal {
  const faults = blameRender(error, options) ?? [];
  const named = faults.map(({ reason, field, ...subject }) => ({
    text: partOfSubject(subject, options.snapshot).text,
    reason,
    ...(field === undefined ? {} : { field }),
  }));
  return { isOk: false, reason: error.message, hint: error.hint, named, isEach: true, place: "" };
}

async function checkRendered(
  { outputs }: Rendered,
  { driver, directory, signal }: CandidateParts,
): Promise<CheckResult> {
  const staged = await stage(outputs, directory === undefined ? {} : { directory });
  try {
    return await driver.check({ files: staged, removed: [] }, signal);
  } finally {
    unstage(staged);
  }
}
