import { z } from "zod";
import { fileFormat } from "../config/file-format.ts";
import { nonEmpty, path } from "../config/schema-parts.ts";
import { catalogSchema } from "../source/file/catalog-file.ts";

/* The keys of a file of template test cases. `fairlead schema test` prints them as JSON Schema. */

const texts = z
  .union([z.string(), z.array(z.string())], { error: "a text or a list of texts" })
  .transform((it) => (typeof it === "string" ? [it] : it));

const patterns = texts.refine((all) => all.every(isPattern), {
  error: "regular expressions that are well-formed",
});

const values = z.record(z.string(), z.unknown(), { error: "a mapping" });

const routeSchema = z
  .strictObject({
    path: nonEmpty("a path such as /api/x").describe("Path and query of the request."),
    host: z.string().default("localhost").describe("The Host header."),
    method: z.string().default("GET").describe("The method of the request."),
    headers: z.record(z.string(), z.string()).default({}).describe("Further request headers."),
    port: z
      .int({ error: "a port number" })
      .optional()
      .describe("The port in the template; the template's first one when absent."),
    status: z.int({ error: "an HTTP status" }).optional().describe("Status of the answer."),
    service: z.string().optional().describe("The service that answers."),
    instance: z.string().optional().describe("The id of the instance that answers."),
    sees: z.string().optional().describe("The path and query that arrive at the service."),
    body: texts.optional().describe("Texts that the answer's body contains."),
    answers: z
      .record(z.string(), z.string())
      .default({})
      .describe("Headers of the answer, each with a text that it contains."),
  })
  .describe("A request to the real program, and the expected answer.");

const expectSchema = z
  .strictObject({
    output: z.string().optional().describe("The complete output, when there is one file."),
    outputFile: path.optional().describe("File with the complete output; --update writes it."),
    outputs: z
      .record(z.string(), z.string())
      .optional()
      .describe("Complete outputs, by the end of their path."),
    outputFiles: z
      .record(z.string(), path)
      .optional()
      .describe("Files with complete outputs, by the end of their path; --update writes them."),
    contains: texts.optional().describe("Texts that some output contains."),
    absent: texts.optional().describe("Texts that no output contains."),
    matches: patterns
      .optional()
      .describe("Regular expressions, ^ and $ for lines, that some output matches."),
    valid: z
      .boolean({ error: "true or false" })
      .optional()
      .describe("Whether nginx -t or varnishd -C accepts the outputs."),
    routes: z.array(routeSchema).optional().describe("Requests to a real nginx or Varnish."),
    error: z.string().optional().describe("The render fails with an error that contains this."),
    leftOut: texts
      .optional()
      .describe("Services that are left out because their data has no safe form."),
  })
  .refine((it) => Object.values(it).some((value) => value !== undefined), {
    error: "at least one expectation",
  })
  .describe("What the rendered outputs must be like.");

const catalogKeys = {
  catalog: catalogSchema.optional().describe("The content of the catalog, as in a catalog file."),
  catalogFile: path
    .optional()
    .describe("Catalog file, such as one that fairlead snapshot printed."),
  values: values.default({}).describe("Values, which override the config's or the file's."),
};

/** One `*.test.yaml`. */
export const caseFileSchema = z
  .strictObject({
    template: path.optional().describe("The template, or builtin:NAME."),
    format: fileFormat
      .optional()
      .describe("The template's format: by default vcl when its name contains that, else nginx."),
    path: path.optional().describe("The output's path; with `each` it is a template itself."),
    each: z
      .union(
        [z.enum(["services", "routes"]), z.strictObject({ keys: nonEmpty("a prefix of keys") })],
        {
          error: "services, routes or { keys: PREFIX }",
        },
      )
      .optional()
      .describe("Render the template once per item."),
    partials: path.optional().describe("Directory of partials."),
    config: path
      .optional()
      .describe("A config. The files of its proxy are tested, instead of a template."),
    proxy: z.string().optional().describe("The proxy of the config, when it has several."),
    environment: z
      .record(z.string(), z.string())
      .default({})
      .describe("Variables that templates read with env, and for the config's ${VAR}."),
    main: path.optional().describe("nginx's main file for `valid`; a small one when absent."),
    context: z
      .enum(["http", "server", "stream", "main"], { error: "http, server, stream or main" })
      .default("http")
      .describe("The block of nginx's configuration for the outputs when there is no `main`."),
    include: z
      .array(path)
      .default([])
      .describe("Further files that nginx reads before the outputs when there is no `main`."),
    ...catalogKeys,
    cases: z
      .array(
        z.strictObject({
          name: nonEmpty("a name").describe("The name of the case, such as what it shows."),
          ...catalogKeys,
          expect: expectSchema,
        }),
        { error: "a list of cases" },
      )
      .min(1, { error: "at least one case" }),
  })
  .superRefine((file, context) => {
    if ((file.template === undefined) === (file.config === undefined)) {
      context.addIssue({ code: "custom", path: [], message: "either a template or a config" });
    }
    const names = file.cases.map(({ name }) => name);
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) === i) continue;
      const message = `a name of its own: "${name}" is taken`;
      context.addIssue({ code: "custom", path: ["cases", i, "name"], message });
    }
  });

export type CaseFile = Readonly<z.infer<typeof caseFileSchema>>;
export type Case = CaseFile["cases"][number];
export type Expectation = Case["expect"];
export type RouteExpectation = NonNullable<Expectation["routes"]>[number];

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "m") instanceof RegExp;
  } catch {
    return false;
  }
}
