import { basename, resolve } from "node:path";
import { loadConfig } from "../config/load-config.ts";
import {
  KIND_NAMES,
  KIND_SETTINGS,
  type KindName,
  type ProxyConfig,
  proxySchema,
} from "../config/proxy-schema.ts";
import { DEFAULT_ROUTES, type RoutesConfig } from "../config/routes-schema.ts";
import { AppError } from "../errors.ts";
import { loadPartials } from "../template/compile/load-partials.ts";
import { type FileTemplate, loadTemplates } from "../template/compile/proxy-templates.ts";
import type { CaseFile } from "./case-schema.ts";
import type { LoadedCases } from "./load-cases.ts";

/** What the cases of one file are about. */
export interface CaseSubject {
  readonly proxy: ProxyConfig;
  readonly values: Readonly<Record<string, unknown>>;
  /** Which instances serve the routes. */
  readonly routesConfig: RoutesConfig;
  /** Variables that templates may read. */
  readonly environment: Readonly<Record<string, string>>;
  readonly templates: readonly FileTemplate[];
  /** Why some templates cannot be used. */
  readonly errors: readonly AppError[];
}

/** @throws {AppError} CONFIG when the config or its proxy cannot be used, TEMPLATE when the partials cannot */
export async function openSubject({ content, directory, file }: LoadedCases): Promise<CaseSubject> {
  const { partials, ...read } = await readSubject(content, directory, file);
  const directoryOfPartials = partials === undefined ? undefined : resolve(directory, partials);
  const texts = await loadPartials(directoryOfPartials);
  return { ...read, ...(await loadTemplates(read.proxy, texts)) };
}

interface Read extends Pick<CaseSubject, "proxy" | "values" | "routesConfig" | "environment"> {
  readonly partials: string | undefined;
}

async function readSubject(content: CaseFile, directory: string, file: string): Promise<Read> {
  const at = (path: string): string => resolve(directory, path);
  const { template, config, values } = content;
  const main = content.main === undefined ? undefined : at(content.main);
  if (config !== undefined) {
    const environment = { ...process.env, ...content.environment };
    const loaded = (await loadConfig(at(config), { environment })).config;
    const proxy = chooseProxy(loaded.proxies, content.proxy, `${file}: config "${config}"`);
    const merged = mergeValues(loaded.values, values);
    return {
      proxy: withMainFile(proxy, main),
      values: merged,
      routesConfig: loaded.routes,
      environment: { ...loaded.environment, ...content.environment },
      partials: content.partials ?? loaded.partials,
    };
  }
  const name = template ?? "";
  const kind = kindFor(content.format ?? basename(name));
  const proxy = proxySchema.parse({
    name: "test",
    kind,
    files: [
      {
        template: name.startsWith("builtin:") ? name : at(name),
        path: at(content.path ?? basename(name).replace(/^builtin:|\.(hbs|handlebars)$/g, "")),
        ...(content.format === undefined ? {} : { format: content.format }),
        ...(content.each === undefined ? {} : { each: content.each }),
      },
    ],
  });
  return {
    proxy: withMainFile(proxy, main),
    values,
    routesConfig: DEFAULT_ROUTES,
    environment: content.environment,
    partials: content.partials,
  };
}

/** The kind whose format a template's format or name mentions; the first of all when there is none. */
function kindFor(text: string): KindName | undefined {
  const [first, ...others] = KIND_NAMES;
  const mentioned = others.find((kind) =>
    text.toLowerCase().includes(KIND_SETTINGS[kind].defaultFormat),
  );
  return mentioned ?? first;
}

/** Only some kinds of proxies check candidates in the context of a main file. */
const withMainFile = (proxy: ProxyConfig, main: string | undefined): ProxyConfig =>
  main !== undefined && "config" in proxy ? { ...proxy, config: main } : proxy;

function chooseProxy(
  proxies: readonly ProxyConfig[],
  name: string | undefined,
  where: string,
): ProxyConfig {
  const [proxy, ...others] = proxies.filter((it) => name === undefined || it.name === name);
  if (proxy !== undefined && others.length === 0) return proxy;
  const names = proxies.map((it) => it.name).join(", ");
  throw new AppError("CONFIG", `${where}: expected one proxy to test, the config has ${names}`, {
    hint: "Name it with `proxy`",
  });
}

/** Lays `over` over `values`, mapping by mapping. */
export function mergeValues(
  values: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = Object.entries(over).map(([key, value]) => {
    const below = values[key];
    return [key, isMapping(below) && isMapping(value) ? mergeValues(below, value) : value];
  });
  return { ...values, ...Object.fromEntries(merged) };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
