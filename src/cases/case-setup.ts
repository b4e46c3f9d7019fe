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
import { mergeValues } from "./merge-values.ts";

/** What the cases of one file test: a proxy with its templates and values. */
export interface CaseSetup {
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
export async function openCaseSetup(cases: LoadedCases): Promise<CaseSetup> {
  const { config } = cases.content;
  const fromConfig = config === undefined ? undefined : await setupFromConfig(config, cases);
  const { partials, ...setup } = fromConfig ?? setupFromTemplate(cases);
  const directory = partials === undefined ? undefined : resolve(cases.directory, partials);
  return { ...setup, ...(await loadTemplates(setup.proxy, await loadPartials(directory))) };
}

interface SetupWithoutTemplates
  extends Pick<CaseSetup, "proxy" | "values" | "routesConfig" | "environment"> {
  /** Directory of the partials. */
  readonly partials: string | undefined;
}

async function setupFromConfig(
  config: string,
  { content, directory, file }: LoadedCases,
): Promise<SetupWithoutTemplates> {
  const environment = { ...process.env, ...content.environment };
  const loaded = (await loadConfig(resolve(directory, config), { environment })).config;
  const proxy = chooseProxy(loaded.proxies, content.proxy, `${file}: config "${config}"`);
  return {
    proxy: withMainFile(proxy, mainFile(content, directory)),
    values: mergeValues(loaded.values, content.values),
    routesConfig: loaded.routes,
    environment: { ...loaded.environment, ...content.environment },
    partials: content.partials ?? loaded.partials,
  };
}

function setupFromTemplate({ content, directory }: LoadedCases): SetupWithoutTemplates {
  const { template: name = "", format, each, path } = content;
  const output = path ?? basename(name).replace(/^builtin:|\.(hbs|handlebars)$/g, "");
  const proxy = proxySchema.parse({
    name: "test",
    kind: kindFor(format ?? basename(name)),
    files: [
      {
        template: name.startsWith("builtin:") ? name : resolve(directory, name),
        path: resolve(directory, output),
        ...(format === undefined ? {} : { format }),
        ...(each === undefined ? {} : { each }),
      },
    ],
  });
  const { values, environment, partials } = content;
  const main = mainFile(content, directory);
  return {
    proxy: withMainFile(proxy, main),
    values,
    routesConfig: DEFAULT_ROUTES,
    environment,
    partials,
  };
}

const mainFile = ({ main }: CaseFile, directory: string): string | undefined =>
  main === undefined ? undefined : resolve(directory, main);

/** The kind whose format the template's format or name contains; the first kind when there is none. */
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
