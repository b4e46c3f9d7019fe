import { chmod, rm } from "node:fs/promises";
import { makeTemporaryDirectory } from "../../apply/disk/temporary-directory.ts";
import type { ProxyDriver } from "../../apply/proxy-driver.ts";
import { sourceOf } from "../../apply/quarantine/isolate-faults.ts";
import { explainRefusal, type RefusedCheck } from "../../apply/quarantine/judge-candidate.ts";
import { stage } from "../../apply/swap/stage.ts";
import type { CatalogStore } from "../../catalog/store.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { openDriver } from "../../proxy/proxy-kinds.ts";
import { type FileTemplate, loadTemplates } from "../../template/compile/proxy-templates.ts";
import {
  type CheckFinding,
  errorFindings,
  leftOutFinding,
  rawFindings,
  routeFinding,
} from "./finding.ts";
import { type UsableRender, untilUsableRendered } from "./until-rendered.ts";

/** What the check of every proxy needs. */
export interface CheckParts {
  readonly config: Config;
  readonly partials: ReadonlyMap<string, string>;
  readonly store: CatalogStore;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The findings of one proxy. */
export interface ProxyFindings {
  readonly name: string;
  readonly kind: ProxyConfig["kind"];
  readonly findings: readonly CheckFinding[];
  /** How many files the proxy's own binary accepted; absent when it did not. */
  readonly accepted?: number;
}

/** Checks one proxy: its templates, their outputs, and with the proxy's own binary the outputs together. */
export async function checkProxy(proxy: ProxyConfig, parts: CheckParts): Promise<ProxyFindings> {
  const { templates, errors } = await loadTemplates(proxy, parts.partials);
  const render = await renderAll(templates, proxy, parts);
  const findings = [...errors.flatMap(errorFindings), ...render.findings];
  const raw = templates.flatMap(({ content }) => rawFindings(content));
  const { usable } = render;
  const { name, kind } = proxy;
  // The binary checks all files together: some of them prove nothing.
  if (errors.length > 0 || usable === undefined)
    return { name, kind, findings: [...findings, ...raw] };
  const refusals = await checkWithBinary(proxy, usable, parts);
  const accepted = refusals.length === 0 ? { accepted: usable.rendered.outputs.length } : {};
  return { name, kind, findings: [...findings, ...refusals, ...raw], ...accepted };
}

interface RenderFindings {
  readonly findings: readonly CheckFinding[];
  /** Absent when a template failed. */
  readonly usable?: UsableRender;
}

/** Renders all files together, or after an error each file alone, so that no error hides that of another file. */
async function renderAll(
  templates: readonly FileTemplate[],
  proxy: ProxyConfig,
  parts: CheckParts,
): Promise<RenderFindings> {
  try {
    return await renderOne(templates, proxy, parts);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
    if (templates.length === 1) return { findings: errorFindings(error) };
    const single = [];
    for (const it of templates) single.push(await renderAll([it], proxy, parts));
    const findings = single.flatMap((it) => it.findings);
    // Some errors only appear with all files together, such as two files with the same path.
    const isHidden = !findings.some(({ level }) => level === "error");
    return { findings: [...(isHidden ? errorFindings(error) : []), ...findings] };
  }
}

async function renderOne(
  templates: readonly FileTemplate[],
  proxy: ProxyConfig,
  { config, store, log }: CheckParts,
): Promise<RenderFindings> {
  const { values, environment, routes } = config;
  const from = { values, environment, routes, templates, store, log };
  const usable = await untilUsableRendered(proxy, from);
  const { rendered, faults } = usable;
  return {
    findings: [...faults.map(leftOutFinding), ...rendered.problems.map(routeFinding)],
    usable,
  };
}

async function checkWithBinary(
  proxy: ProxyConfig,
  usable: UsableRender,
  { config, log, signal }: CheckParts,
): Promise<readonly CheckFinding[]> {
  const driver = await openDriver(proxy, {
    log: log.child({ proxy: proxy.name }),
    state: config.state,
  });
  const directory = await makeTemporaryDirectory("stage");
  try {
    await chmod(directory, 0o711); // varnishd compiles as another user, who must be able to read the files
    const staged = await stage(usable.rendered.outputs, { directory });
    const result = await driver.check({ files: staged, removed: [] }, signal);
    if (result.ok) return [];
    return await explain(result, usable, { driver, directory, signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return errorFindings(error);
  } finally {
    await driver.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Finds the parts whose data made the binary refuse, or the template's line when no part is to blame. */
async function explain(
  refusal: RefusedCheck,
  { isolation, options, snapshot: newest, answers, rendered: { asked } }: UsableRender,
  by: {
    readonly driver: ProxyDriver;
    readonly directory: string;
    readonly signal: AbortSignal;
  },
): Promise<readonly CheckFinding[]> {
  const faults = await isolation.isolate({ ...options, ...by, refusal, newest, answers, asked });
  if (faults !== undefined && faults.length > 0) return faults.map(leftOutFinding);
  const text = `refused: ${explainRefusal(refusal, sourceOf(answers, options.from))}`;
  return [{ level: "error", about: "check", text, hint: refusal.hint }];
}
