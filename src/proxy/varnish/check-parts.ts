import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Candidate, CandidateFile, CheckResult } from "../../apply/proxy-driver.ts";
import { AppError } from "../../errors.ts";
import { type BootScript, parseBootScript } from "./boot-script.ts";
import { compileVcl, refusal, type VclCheckOptions } from "./check-vcl.ts";
import { loadParts } from "./load-parts.ts";

/**
 * Loads the parts that are not loaded yet into the running Varnish, so that they are ready and nothing is compiled
 * twice. When the candidate is staged elsewhere than beside the live files, or no Varnish runs, `varnishd -C` compiles
 * the parts that differ from the live files.
 *
 * @param manifest the candidate's boot script
 * @throws {AppError} CHECK_UNAVAILABLE when there is neither
 */
export async function checkParts(
  candidate: Candidate,
  manifest: CandidateFile,
  options: VclCheckOptions & { readonly trial: Set<string> },
): Promise<CheckResult> {
  const script = parseBootScript(manifest.text);
  const staged = new Map(candidate.files.map((file) => [file.path, file.stagedPath]));
  const from = (path: string) => staged.get(path) ?? path;
  if (dirname(manifest.stagedPath) === dirname(manifest.path)) {
    const verdict = await loadIntoRunning(script, from, options);
    if (verdict !== undefined) return verdict;
  }
  return await compileParts(candidate, options);
}

/** @returns `undefined` when no Varnish runs */
async function loadIntoRunning(
  script: BootScript,
  from: (path: string) => string,
  { session, timeoutMs, signal, trial }: VclCheckOptions & { readonly trial: Set<string> },
): Promise<CheckResult | undefined> {
  try {
    const refused = await session.use(signal, (connection) =>
      loadParts(connection, script, { from, timeoutMs, trial }),
    );
    if (refused === undefined) return { ok: true };
    return refusal(refused.output.replaceAll(from(refused.path), refused.path));
  } catch (error) {
    if (error instanceof AppError && error.code === "PROXY_DOWN") return undefined;
    throw error;
  }
}

async function compileParts({ files }: Candidate, options: VclCheckOptions): Promise<CheckResult> {
  return await options.scratch.use(async (open) => {
    const directory = await open();
    for (const { path, text, format } of files) {
      if (format !== "vcl" || text === (await readFile(path, "utf8").catch(() => undefined)))
        continue;
      const copy = join(directory, basename(path));
      await writeFile(copy, withoutLabels(text), { mode: 0o644 });
      const part = { main: copy, livePaths: new Map([[copy, path]]) };
      const verdict = await compileVcl(part, { ...options, open });
      if (verdict === undefined) throw unavailable(options.binary);
      if (!verdict.ok) return verdict;
    }
    return { ok: true };
  });
}

/** `varnishd -C` knows no labels. Everything else is compiled. */
const withoutLabels = (text: string): string =>
  text.replace(/\breturn \(vcl\(\w+\)\)/g, "return (synth(200))");

function unavailable(binary: string): AppError {
  return new AppError(
    "CHECK_UNAVAILABLE",
    `Cannot check as "${binary}" cannot be run, and no Varnish runs that could load the candidate`,
    { hint: "Install varnish beside Fairlead, set the proxy's `binary`, or start varnishd" },
  );
}
