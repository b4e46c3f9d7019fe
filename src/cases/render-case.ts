import { resolve } from "node:path";
import { type IsolatedFault, renderUsable, sourceOf } from "../apply/quarantine/isolate-faults.ts";
import type { Query } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import { AppError, explainError } from "../errors.ts";
import {
  type Catalog,
  EMPTY_CATALOG,
  readCatalogFile,
  toCatalog,
} from "../source/file/catalog-file.ts";
import { catalogSnapshot } from "../source/file/catalog-snapshot.ts";
import type { FileTemplate } from "../template/compile/proxy-templates.ts";
import type { BlameOptions } from "../template/provenance/blame.ts";
import type { Output } from "../template/render/render-files.ts";
import { templateError } from "../template/template-error.ts";
import type { Case } from "./case-schema.ts";
import { type CaseSubject, mergeValues } from "./case-subject.ts";
import { findQueryPlace } from "./find-query-place.ts";
import type { LoadedCases } from "./load-cases.ts";

/** What a case renders to. */
export type RenderedCase =
  | {
      readonly ok: true;
      readonly outputs: readonly Output[];
      readonly leftOut: readonly IsolatedFault[];
      /** What it was rendered from. */
      readonly from: BlameOptions;
    }
  | { readonly ok: false; readonly error: string };

/** Stands in outputs for the generation's id, which is another one in each directory. */
const GENERATION = "generation-id";

/**
 * The catalog of a case: its own, else its file's, else an empty one.
 *
 * @throws {AppError} CATALOG when a catalog file is not one
 */
export async function catalogOf(of: Case, { content, directory }: LoadedCases): Promise<Catalog> {
  const isOwn = of.catalog !== undefined || of.catalogFile !== undefined;
  const { catalog, catalogFile } = isOwn ? of : content;
  if (catalog !== undefined) return toCatalog(catalog);
  if (catalogFile !== undefined) return await readCatalogFile(resolve(directory, catalogFile));
  return EMPTY_CATALOG;
}

/** Renders a case from a catalog. That it cannot be rendered is a result like any other. */
export async function renderCase(
  subject: CaseSubject,
  of: Case,
  catalog: Catalog,
): Promise<RenderedCase> {
  const { templates, proxy, routesConfig, environment, errors } = subject;
  if (errors.length > 0) return { ok: false, error: errors.map(explainError).join("") };
  const snapshot = catalogSnapshot(catalog);
  const values = mergeValues(subject.values, of.values);
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
      text: output.text.replaceAll(rendered.id, GENERATION),
    }));
    return { ok: true, outputs, leftOut: faults, from: sourceOf(answers, from) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ok: false, error: explainError(error) };
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
  const asked = findQueryPlace(query, templates);
  const fault = {
    message: isAbsent ? `there is no ${text}` : `the catalog has no answer to ${text}`,
    hint: isAbsent
      ? "Put the key into the catalog, or say with keyOr what stands in for it"
      : 'Record it with "fairlead snapshot", which keeps it under `answers`',
    place: asked?.place,
  };
  const sources = asked?.sources ?? { file: "a template", texts: new Map() };
  return explainError(templateError(fault, sources));
}
