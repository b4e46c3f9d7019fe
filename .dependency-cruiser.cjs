// Data flows one way. A stage imports only from the stages to its left, and the leaves backoff.ts, errors.ts and log.ts.
const STAGES = [
  "config",
  "catalog",
  "source",
  "route",
  "template",
  "apply",
  "proxy",
  "events",
  "admin",
  "cases",
  "register",
  "convert",
  "cli",
];

const leftOf = (stage) => STAGES.slice(0, STAGES.indexOf(stage));

const stageRules = STAGES.filter((stage) => stage !== "cli").map((stage) => ({
  name: `${stage}-imports-left`,
  comment: `src/${stage} imports only ${leftOf(stage).join(", ") || "no other stage"}`,
  severity: "error",
  from: { path: `^src/${stage}/` },
  to: {
    path: "^src/",
    pathNot: `^src/(backoff\\.ts|errors\\.ts|log\\.ts|(${[...leftOf(stage), stage].join("|")})/)`,
  },
}));

module.exports = {
  forbidden: [
    ...stageRules,
    {
      name: "leaves-import-nothing",
      severity: "error",
      from: { path: "^src/(backoff|errors|log)\\.ts$" },
      to: { path: "^src/" },
    },
    {
      name: "pipeline-imports-no-implementation",
      comment: "The page that tells the program knows neither a source nor a proxy by name",
      severity: "error",
      from: { path: "^src/pipeline\\.ts$" },
      to: { path: "^src/(source|proxy|admin|register|cli)/" },
    },
    {
      name: "proxies-do-not-know-each-other",
      severity: "error",
      from: { path: "^src/proxy/(nginx|varnish)/" },
      to: { path: "^src/proxy/(nginx|varnish)/", pathNot: "^src/proxy/$1/" },
    },
    {
      name: "sources-do-not-know-each-other",
      severity: "error",
      from: { path: "^src/source/([^/]+)/" },
      to: { path: "^src/source/([^/]+)/", pathNot: "^src/source/$1/" },
    },
    {
      name: "register-stands-aside",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(register|cli)/" },
      to: { path: "^src/register/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-tests-in-the-product",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^test/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    includeOnly: "^(src|test)/",
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".js"] },
  },
};
