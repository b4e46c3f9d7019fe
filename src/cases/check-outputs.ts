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

/** Where and with what real programs are asked. */
export interface Tools {
  /** Of this case alone, readable by every user; it is removed afterwards. */
  readonly directory: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

type Rendered = Extract<RenderedCase, { ok: true }>;

/**
 * Asks nginx or Varnish's compiler about outputs.
 *
 * @returns its refusal, with the template's line where it names one, or `undefined`
 */
export async function refusalOf(
  { outputs, from }: Rendered,
  cases: LoadedCases,
  { directory, log, signal }: Tools,
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

/** With the main file that the cases name; else the config's own, else a small one. */
async function withMainFile(
  proxy: ProxyConfig,
  outputs: Rendered["outputs"],
  { cases, directory }: { readonly cases: LoadedCases; readonly directory: string },
): Promise<ProxyConfig> {
  const { main, config } = cases.content;
  if (main !== undefined || config !== undefined) return proxy;
  return await kindOf(proxy).withMainFile(proxy, outputs, outputContext(cases, { directory }));
}

/** Where the outputs of cases belong when there is no main file. */
export function outputContext(
  { content, directory: from }: LoadedCases,
  { directory }: { readonly directory: string },
): OutputContext {
  const includes = content.include.map((path) => resolve(from, path));
  return { directory, context: content.context, includes };
}
