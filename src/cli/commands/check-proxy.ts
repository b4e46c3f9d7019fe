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
import { type UsableRender, untilUsableRendered } from "../daemon/until-rendered.ts";
import {
  type CheckFinding,
  errorFindings,
  leftOutFinding,
  rawFindings,
  routeFinding,
} from "./finding.ts";

/** What the check of every proxy starts from. */
export interface CheckParts {
  readonly config: Config;
  readonly partials: ReadonlyMap<string, string>;
  readonly store: CatalogStore;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** All that was found about one proxy. */
export interface ProxyFindings {
  readonly name: string;
  readonly kind: ProxyConfig["kind"];
  readonly findings: readonly CheckFinding[];
  /** How many files the proxy's own binary accepted; absent when it did not. */
  readonly accepted?: number;
}

/** Looks at one proxy: its templates, what they render to, and what the proxy's own binary says to that. */
export async function checkProxy(proxy: ProxyConfig, parts: CheckParts): Promise<ProxyFindings> {
  const { templates, errors } = await loadTemplates(proxy, parts.partials);
  const drawn = await renderAll(templates, proxy, parts);
  const findings = [...errors.flatMap(errorFindings), ...drawn.findings];
  const raw = templates.flatMap(({ content }) => rawFindings(content));
  const { usable } = drawn;
  const { name, kind } = proxy;
  // A part of the files says nothing about the whole: the binary is asked only about all of them.
  if (errors.length > 0 || usable === undefined)
    return { name, kind, findings: [...findings, ...raw] };
  const refusals = await askBinary(proxy, usable, parts);
  const accepted = refusals.length === 0 ? { accepted: usable.rendered.outputs.length } : {};
  return { name, kind, findings: [...findings, ...refusals, ...raw], ...accepted };
}

interface Drawn {
  readonly findings: readonly CheckFinding[];
  /** Absent when a template failed. */
  readonly usable?: UsableRender;
}

/** Where the whole fails each file is rendered alone, so that one fault does not hide another file's. */
async function renderAll(
  templates: readonly FileTemplate[],
  proxy: ProxyConfig,
  parts: CheckParts,
): Promise<Drawn> {
  try {
    return await renderOne(templates, proxy, parts);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
    if (templates.length === 1) return { findings: errorFindings(error) };
    const single = [];
    for (const it of templates) single.push(await renderAll([it], proxy, parts));
    const findings = single.flatMap((it) => it.findings);
    // What only shows with all files together, such as two of one path.
    const isHidden = !findings.some(({ level }) => level === "error");
    return { findings: [...(isHidden ? errorFindings(error) : []), ...findings] };
  }
}

async function renderOne(
  templates: readonly FileTemplate[],
  proxy: ProxyConfig,
  { config, store, log }: CheckParts,
): Promise<Drawn> {
  const { values, environment, routes } = config;
  const from = { values, environment, routes, templates, store, log };
  const usable = await untilUsableRendered(proxy, from);
  const { rendered, faults } = usable;
  return {
    findings: [...faults.map(leftOutFinding), ...rendered.problems.map(routeFinding)],
    usable,
  };
}

async function askBinary(
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
    await chmod(directory, 0o711); // varnishd compiles as a user of its own, which must get at the files
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

/** Names the parts whose data made the binary refuse, or the template's line where the fault is no part's. */
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
