import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stage } from "../apply/stage.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import { AppError } from "../errors.ts";
import type { CommandOptions } from "./command-options.ts";
import { openDriver } from "./open-driver.ts";
import { openSession, openStore, type Session } from "./open-session.ts";
import { renderOnce } from "./render-once.ts";

/** Renders every proxy and asks its own binary about the result; touches nothing live. Returns the exit code. */
export async function check(options: CommandOptions): Promise<number> {
  const session = await openSession(options);
  const ending = new AbortController();
  const stop = () => ending.abort(new Error("interrupted"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const store = await openStore(session.loaded.config, {
      log: session.log,
      signal: ending.signal,
    });
    let exitCode = 0;
    for (const proxy of session.proxies) {
      const finding = await checkProxy(proxy, { session, store, signal: ending.signal });
      process.stdout.write(`${proxy.name}: ${finding.text}\n`);
      if (!finding.ok) exitCode = 1;
    }
    return exitCode;
  } finally {
    ending.abort(new Error("done"));
  }
}

async function checkProxy(
  proxy: ProxyConfig,
  {
    session,
    store,
    signal,
  }: {
    readonly session: Session;
    readonly store: Awaited<ReturnType<typeof openStore>>;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly ok: boolean; readonly text: string }> {
  const { loaded, log } = session;
  const driver = await openDriver(proxy, {
    log: log.child({ proxy: proxy.name }),
    state: loaded.config.state,
  });
  const directory = await mkdtemp(join(tmpdir(), "fairlead-stage-"));
  try {
    const { outputs } = await renderOnce(proxy, { config: loaded.config, store, log });
    const staged = await stage(outputs, { directory });
    const result = await driver.check({ files: staged, removed: [] }, signal);
    if (result.ok)
      return { ok: true, text: `ok, ${outputs.length} ${outputs.length === 1 ? "file" : "files"}` };
    return { ok: false, text: `refused: ${result.output}\n  ${result.hint}.` };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === "CATALOG") throw error;
    return { ok: false, text: `${error.message}\n  ${error.hint}.` };
  } finally {
    await driver.close();
    await rm(directory, { recursive: true, force: true });
  }
}
