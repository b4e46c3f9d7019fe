import { resolve } from "node:path";
import { sourceOf } from "../apply/quarantine/isolate-faults.ts";
import type { IsolatedFault } from "../apply/quarantine/record-faults.ts";
import { renderUsable } from "../apply/quarantine/render-usable.ts";
import type { Query } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import { AppError, formatError } from "../errors.ts";
import {
  type Catalog,
  EMPTY_CATALOG,
  readCatalogFile,
  toCatalog,
} from "../source/file/catalog-file.ts";
import { catalogSnapshot } from "../source/file/catalog-snapshot.ts";
import type { FileTemplate } from "../template/compile/proxy-templates.ts";
import type { BlameOptions } from "../template/provenance/trace-render.ts";
import type { Output } from "../template/render/render-files.ts";
import { templateError } from "../template/template-error.ts";
import type { Case } from "./case-schema.ts";
import type { CaseSetup } from "./case-setup.ts";
import { findQueryPlace } from "./find-query-place.ts";
import type { LoadedCases } from "./load-cases.ts";
import { mergeValues } from "./merge-values.ts";

/** What a case renders to. */
export type RenderedCase =
  | {
      readonly ok: true;
      readonly outputs: readonly Output[];
      readonly leftOut: readonly IsolatedFault[];
      /** The source of the outputs, to explain a refusal. */
      readonly from: BlameOptions;
    }
  | { readonly ok: false; readonly error: string };

/** A case, and what it shares with the other cases of its file. */
export interface CaseToRender {
  readonly testCase: Case;
  readonly setup: CaseSetup;
  readonly cases: LoadedCases;
}

/** Replaces the generation's id in outputs, which differs from directory to directory. */
const GENERATION_ID = "generation-id";

/**
 * The catalog of a case: its own, else its file's, else an empty one.
 *
 * @throws {AppError} CATALOG when a catalog file is not valid
 */
export async function catalogOf({ testCase, cases }: CaseToRender): Promise<Catalog> {
  const { content, directory } = cases;
  const isOwn = testCase.catalog !== undefined || testCase.catalogFile !== undefined;
  const { catalog, catalogFile } = isOwn ? testCase : content;
  if (catalog !== undefined) return toCatalog(catalog);
  if (catalogFile !== undefined) return await readCatalogFile(resolve(directory, catalogFile));
  return EMPTY_CATALOG;
}

/** Renders a case from a catalog. An error of a template is a result like any other. */
export async function renderCase(
  { testCase, setup }: CaseToRender,
  catalog: Catalog,
): Promise<RenderedCase> {
  const { templates, proxy, routesConfig, environment, errors } = setup;
  if (errors.length > 0) return { ok: false, error: errors.map(formatError).join("") };
  const snapshot = catalogSnapshot(catalog);
  const values = mergeValues(setup.values, testCase.values);
  try {
    const from = { templates, proxy, values, routesConfig, environment };
    const { rendered, answers, faults } = await renderUsable({ ...from, snapshot });
    if (rendered.kind === "waiting") {
      const missing = [...rendered.missing].map(([text, query]) =>
        missingText(text, query, { snapshot, templates }),
      );
      return { ok: false, error: missing.join("") };
    }
    const outputs = rendered.outputs.map((output) => ({
      ...output,
      text: output.text.replaceAll(rendered.id, GENERATION_ID),
    }));
    return { ok: true, outputs, leftOut: faults, from: sourceOf(answers, from) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ok: false, error: formatError(error) };
  }
}

function missingText(
  text: string,
  query: Query,
  {
    snapshot,
    templates,
  }: { readonly snapshot: Snapshot; readonly templates: readonly FileTemplate[] },
): string {
  const isAbsent = snapshot.get(query) === null;
  const queried = findQueryPlace(query, templates);
  const fault = {
    message: isAbsent ? `there is no ${text}` : `the catalog has no answer to ${text}`,
    hint: isAbsent
      ? "Put the key into the catalog, or give a default with keyOr"
      : 'Record it with "fairlead snapshot", which keeps it under `answers`',
    place: queried?.place,
  };
  const sources = queried?.sources ?? { file: "a template", texts: new Map() };
  return formatError(templateError(fault, sources));
}
