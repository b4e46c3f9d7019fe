import { resolve } from "node:path";
import { explainRefusal } from "../apply/quarantine/judge-candidate.ts";
import { stage } from "../apply/swap/stage.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { OutputContext } from "../proxy/proxy-kind.ts";
import { kindOf, openDriver } from "../proxy/proxy-kinds.ts";
import type { LoadedCases } from "./load-cases.ts";
import type { RenderedCase } from "./render-case.ts";

/** What a case that runs real programs needs. */
export interface ProgramOptions {
  /** For this case alone, readable by every user, removed afterwards. */
  readonly directory: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

type Rendered = Extract<RenderedCase, { ok: true }>;

/**
 * Runs the proxy's own check on outputs.
 *
 * @returns the refusal, with the template's line when the check names a line; `undefined` when the outputs are accepted
 */
export async function checkOutputs(
  { outputs, from }: Rendered,
  cases: LoadedCases,
  { directory, log, signal }: ProgramOptions,
): Promise<string | undefined> {
  const proxy = await withMainFile(from.proxy, outputs, { cases, directory });
  const driver = await openDriver(proxy, { log, state: directory });
  try {
    const files = await stage(outputs, { directory });
    const result = await driver.check({ files, removed: [] }, signal);
    return result.ok ? undefined : `${explainRefusal(result, from)}\n→ ${result.hint}`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${error.message}\n→ ${error.hint}`;
  } finally {
    await driver.close();
  }
}

/** The proxy with the main file that the cases name, else with the config's, else with a small one. */
async function withMainFile(
  proxy: ProxyConfig,
  outputs: Rendered["outputs"],
  { cases, directory }: { readonly cases: LoadedCases; readonly directory: string },
): Promise<ProxyConfig> {
  const { main, config } = cases.content;
  if (main !== undefined || config !== undefined) return proxy;
  return await kindOf(proxy).withMainFile(proxy, outputs, outputContext(cases, { directory }));
}

/** The context of outputs in the configuration when the cases name no main file. */
export function outputContext(
  { content, directory: from }: LoadedCases,
  { directory }: { readonly directory: string },
): OutputContext {
  const includes = content.include.map((path) => resolve(from, path));
  return { directory, context: content.context, includes };
}
