import type { Query } from "../../catalog/query.ts";
import { AppError } from "../../errors.ts";
import { type BlameOptions, blameLine, type LineOrigin } from "../../template/provenance/blame.ts";
import { renderProxy } from "../../template/render/render-proxy.ts";
import type { CheckResult, ProxyDriver } from "../proxy-driver.ts";
import { stage, unstage } from "../swap/stage.ts";
import { type Culprits, findCulprits } from "./find-culprits.ts";

type Refusal = Omit<Extract<CheckResult, { ok: false }>, "ok">;

/** A candidate that was refused, and what it was made from. */
export interface RefusedCandidate {
  readonly driver: ProxyDriver;
  readonly refusal: Refusal;
  readonly from: BlameOptions;
  /** Whether a service may have brought the fault; all may when absent. */
  readonly isSuspect?: (service: string) => boolean;
  /** Stage there instead of beside the live files. */
  readonly directory?: string;
  readonly signal: AbortSignal;
}

/** Finds the services whose data made the proxy's check refuse, by trying without them. Touches nothing live. */
export async function blameCheck(candidate: RefusedCandidate): Promise<Culprits | undefined> {
  const { refusal, from, isSuspect } = candidate;
  const services = servicesIn(from);
  const more = (leftOut: ReadonlySet<string>) => new Set([...(from.leftOut ?? []), ...leftOut]);
  return await findCulprits({
    services,
    refusal,
    ...(isSuspect === undefined ? {} : { isSuspect }),
    check: (leftOut) => checkWithout(more(leftOut), candidate),
    origin: ({ at }, leftOut) =>
      at === undefined ? undefined : blameLine(at, { ...from, leftOut: more(leftOut) }),
  });
}

/** The services that a render has instances of, or at least the names. */
function servicesIn(from: BlameOptions): readonly string[] {
  const rendered = tryRender(from);
  if (rendered === undefined) return [];
  const asked = [...rendered.asked.values()];
  const isSeen = (query: Query): query is Extract<Query, { readonly name: string }> =>
    "name" in query &&
    ((from.snapshot.get(query) as readonly unknown[] | undefined)?.length ?? 0) > 0;
  const seen = new Set(asked.filter(isSeen).map(({ name }) => name));
  if (seen.size > 0) return [...seen].filter((it) => from.leftOut?.has(it) !== true);
  const summaries = asked.find((it) => it.kind === "services");
  return summaries === undefined
    ? []
    : (from.snapshot.get(summaries) ?? []).map(({ name }) => name);
}

/** A refusal's words with the rendered line and the template's line behind it, where the check named one. */
export function explainRefusal({ output, at }: Refusal, from: BlameOptions): string {
  const origin: LineOrigin | undefined = at === undefined ? undefined : blameLine(at, from);
  return origin === undefined ? output : `${output}\n${origin.excerpt}`;
}

async function checkWithout(
  leftOut: ReadonlySet<string>,
  { driver, from, directory, signal }: RefusedCandidate,
): Promise<CheckResult> {
  const rendered = tryRender({ ...from, leftOut });
  if (rendered === undefined) return { ok: false, output: "", hint: "" };
  const staged = await stage(rendered.outputs, directory === undefined ? {} : { directory });
  try {
    return await driver.check({ files: staged, removed: [] }, signal);
  } finally {
    unstage(staged);
  }
}

/** Without some services a template may ask for more, or fail: then nothing is known. */
function tryRender(options: BlameOptions) {
  try {
    const rendered = renderProxy(options.templates, options.snapshot, options);
    return rendered.kind === "rendered" ? rendered : undefined;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
