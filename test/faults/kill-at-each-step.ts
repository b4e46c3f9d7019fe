import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { expect } from "vitest";
import type { ReconcileResult } from "../../src/apply/proxy-status.ts";
import { createCatalogStore } from "../../src/catalog/store.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createPipeline } from "../../src/pipeline.ts";
import { openDriver } from "../../src/proxy/proxy-kinds.ts";
import { loadProxyTemplates } from "../../src/template/compile/proxy-templates.ts";
import { startProgram } from "../helpers/child-process.ts";
import { MAIN, runFairlead } from "../helpers/start-fairlead.ts";
import type { TempDirectory } from "../helpers/temp-directory.ts";

const KILL_BEFORE_STEP = new URL("kill-before-step.mjs", import.meta.url).href;
/** How often each step is tried. Without that only each third one is, once: together with the others' tests it takes its time. */
const ROUNDS = Number(process.env["FAIRLEAD_KILL_ROUNDS"] ?? 0);

export const KILL_TIMEOUT_MS = 300_000 * Math.max(1, ROUNDS);

export interface Subject {
  readonly directory: TempDirectory;
  readonly config: string;
  readonly proxy: string;
  /** The catalog from which a generation is rendered. */
  catalog(generation: string): string;
  /** Finds the generation that is in place, and expects that all of it is, that it is served, and nothing else is there. */
  check(): Promise<string>;
}

/**
 * Lets the real program apply a new generation and ends it by SIGKILL just before its first step, and so on until it gets to its
 * end. After each death a pipeline that knows nothing of the catalog is started on what is left.
 *
 * @returns the steps
 */
export async function killAtEachStep(subject: Subject): Promise<readonly string[]> {
  const steps: string[] = [];
  let last = "g0";
  await writeFile(subject.directory.at("catalog.yaml"), subject.catalog(last));
  const { exitCode, output } = await runFairlead(["run", "-c", subject.config, "--once"]);
  if (exitCode !== 0) throw new Error(output);
  for (let round = 0; round < Math.max(1, ROUNDS); round += 1) {
    for (let at = 1; ; at += ROUNDS === 0 ? 3 : 1) {
      const next = `g${round * 1_000 + at}`;
      await writeFile(subject.directory.at("catalog.yaml"), subject.catalog(next));
      const step = await killAt(at, subject);
      if (step === undefined) {
        last = next; // it came to its end
        break;
      }
      steps.push(step);
      try {
        await restart(subject);
        const inPlace = await subject.check();
        expect([last, next]).toContain(inPlace);
        last = inPlace;
        await expectRecorded(subject);
      } catch (error) {
        throw new Error(`killed before step ${at}, "${step}"`, { cause: error });
      }
    }
  }
  return steps;
}

/** What is live is recorded, its generation is complete in the history, and nothing else is in the state. */
async function expectRecorded({ directory, proxy }: Subject): Promise<void> {
  const state = directory.at(`state/${proxy}`);
  expect((await readdir(state)).toSorted()).toEqual(["generations", "record.json"]);
  const { live } = JSON.parse(await readFile(join(state, "record.json"), "utf8")) as {
    readonly live: { readonly number: number; readonly id: string; readonly paths: string[] };
  };
  const generations = await readdir(join(state, "generations"));
  expect(generations.filter((it) => !/^\d+$/.test(it))).toEqual([]);
  const generation = join(state, "generations", String(live.number));
  const entry = JSON.parse(await readFile(join(generation, "generation.json"), "utf8")) as object;
  expect(entry).toMatchObject({ number: live.number, id: live.id, result: "live" });
  expect(await readdir(generation)).toHaveLength(live.paths.length + 1);
}

/** The step that was not done, or `undefined` when the program came to its end. */
async function killAt(at: number, { directory, config }: Subject): Promise<string | undefined> {
  const trace = directory.at("trace");
  await writeFile(trace, "");
  const parameters = new URLSearchParams({ home: `${directory.path}/`, trace, at: String(at) });
  const preload = `${KILL_BEFORE_STEP}?${parameters.toString()}`;
  const program = await startProgram([
    process.execPath,
    "--import",
    preload,
    MAIN,
    "run",
    "-c",
    config,
    "--once",
  ]);
  const exitCode = await program.ended;
  if (exitCode === 0) return undefined;
  if (exitCode !== null) throw new Error(program.output());
  return (await readFile(trace, "utf8")).trim().split("\n").at(-1);
}

/** What `fairlead run` does before it has any answer from the catalog. */
async function restart({ config, proxy: name, directory }: Subject): Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const { config: loaded } = await loadConfig(config, { environment: {} });
  const proxy = loaded.proxies.find((it) => it.name === name);
  if (proxy === undefined) throw new Error(`no proxy ${name}`);
  const log = pino({ level: "info" }, pino.destination({ dest: directory.at("log"), sync: true }));
  const driver = await openDriver(proxy, { log, state: loaded.state });
  const pipeline = await createPipeline({
    proxy,
    config: loaded,
    templates: await loadProxyTemplates(proxy, undefined),
    store: createCatalogStore(() => ({ follow: () => undefined }), signal),
    driver,
    listeners: [],
    log,
  });
  let running: Promise<unknown> | undefined;
  await new Promise<ReconcileResult>((resolve) => {
    running = pipeline.run(signal, resolve).catch(() => undefined);
  });
  ending.abort(new Error("the test goes on"));
  await running;
  await driver.close();
}
