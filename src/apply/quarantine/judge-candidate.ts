import { partText } from "../../catalog/part.ts";
import { AppError } from "../../errors.ts";
import { blameRender, type PartsFault } from "../../template/provenance/blame.ts";
import type { LineOrigin, RenderedLine } from "../../template/provenance/blame-line.ts";
import { blameLine } from "../../template/provenance/blame-line.ts";
import type { BlamedPart } from "../../template/provenance/blamed-part.ts";
import type { LineFinder } from "../../template/provenance/line-finder.ts";
import type { BlameOptions } from "../../template/provenance/trace-render.ts";
import { type Rendered, renderProxy, type Waiting } from "../../template/render/render-proxy.ts";
import type { RenderAnswers } from "../in-force/answers-in-force.ts";
import type { CheckResult, ProxyDriver } from "../proxy-driver.ts";
import { stage, unstage } from "../swap/stage.ts";
import type { NamedPart, Verdict } from "./verdict.ts";

/** A check that refused. */
export type RefusedCheck = Omit<Extract<CheckResult, { ok: false }>, "ok">;

type Refusal = Extract<Verdict, { isOk: false }>;

/** What candidates are rendered with, beside their answers. */
export interface CandidateParts {
  readonly from: Omit<BlameOptions, "snapshot" | "leftOut">;
  readonly driver: Pick<ProxyDriver, "check">;
  readonly lines: LineFinder;
  /** The parts that are left out, by canonical text. */
  readonly without: ReadonlySet<string>;
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
  if (rendered.kind === "waiting") return ASKS_FOR_MORE;
  const result = await checkRendered(rendered, parts);
  if (result.ok) return { isOk: true };
  const { outputs } = rendered;
  const { lines, without } = parts;
  return checkVerdict(result, (at) => lines.find(at, options, { outputs, without }));
}

/** Without some parts a template may ask for more: such a candidate cannot be checked. */
const ASKS_FOR_MORE: Refusal = {
  isOk: false,
  reason: "it asks for more",
  hint: "",
  named: [],
  place: "",
};

/** Renders. */
export function judgeRender(options: BlameOptions): Rendered | Waiting | Refusal {
  try {
    return renderProxy(options.templates, options.snapshot, options);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return renderVerdict(error, options);
  }
}

/**
 * The verdict of a proxy's check.
 *
 * @param find finds where the line that the check named comes from
 */
export function checkVerdict(
  refusal: RefusedCheck,
  find: (at: RenderedLine) => LineOrigin | undefined,
): Refusal {
  const { at, output: message } = refusal;
  const origin = at === undefined ? undefined : find({ ...at, message });
  return {
    isOk: false,
    reason: explained(refusal, origin),
    hint: refusal.hint,
    named: origin?.parts.map(namedPart) ?? [],
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

const namedPart = ({ part, within, field }: BlamedPart): NamedPart => ({
  text: partText(part),
  ...(within === undefined ? {} : { within: within.map(partText) }),
  ...(field === undefined ? {} : { field }),
});

/** The verdict of a render that failed. Faults of one part each come first: those are beyond doubt. */
export function renderVerdict(error: AppError, options: BlameOptions): Refusal {
  const { faults, ofTemplate } = blameRender(error, options);
  const { reason, hint } = ofTemplate ?? { reason: error.message, hint: error.hint };
  const certain = faults.filter(({ parts }) => parts.length === 1);
  const [first] = faults;
  const named =
    certain.length > 0 ? certain.flatMap(namedBy) : first === undefined ? [] : namedBy(first);
  const isEach = certain.length > 0;
  const isOfTemplate = ofTemplate !== undefined;
  return { isOk: false, reason, hint, named: onceEach(named), isEach, isOfTemplate, place: "" };
}

const namedBy = ({ parts, reason, hint }: PartsFault): readonly NamedPart[] =>
  parts.map((it) => ({ ...namedPart(it), reason, hint }));

/** The first fault of each part. */
const onceEach = (named: readonly NamedPart[]): readonly NamedPart[] =>
  [...new Map(named.toReversed().map((it) => [it.text, it])).values()].toReversed();

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

/** Where a part was named that is not to blame, its reason says more than the render's first fault. */
export function reasonOf(first: Refusal, error: AppError): AppError {
  const { reason = first.reason, hint = first.hint } =
    first.isOfTemplate === true ? first : (first.named[0] ?? first);
  return reason === error.message
    ? error
    : new AppError("TEMPLATE", reason, { hint, cause: error });
}
