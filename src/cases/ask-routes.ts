import http from "node:http";
import { AppError, messageOf } from "../errors.ts";
import { kindOf } from "../proxy/proxy-kinds.ts";
import type { ServedOutputs } from "../proxy/serve-outputs/served-outputs.ts";
import type { Case, RouteExpectation } from "./case-schema.ts";
import type { CaseSubject } from "./case-subject.ts";
import { outputContext, type Tools } from "./check-outputs.ts";
import type { LoadedCases } from "./load-cases.ts";
import { catalogOf, renderCase } from "./render-case.ts";
import { type StubAnswer, startStubServices } from "./stub-services.ts";

const ANSWER_MS = 10_000;

/**
 * Renders a case with stand-ins for its instances, serves that with the real program, and asks each route.
 *
 * @returns what is not as expected, a text each
 */
export async function askRoutes(
  routes: readonly RouteExpectation[],
  about: { readonly subject: CaseSubject; readonly of: Case; readonly cases: LoadedCases },
  tools: Tools,
): Promise<readonly string[]> {
  const { subject, of, cases } = about;
  const stubs = await startStubServices(await catalogOf(of, cases));
  let served: ServedOutputs | undefined;
  try {
    const rendered = await renderCase(subject, of, stubs.catalog);
    if (!rendered.ok) return [rendered.error];
    const { proxy } = subject;
    const options = { proxy, ...outputContext(cases, tools), log: tools.log, signal: tools.signal };
    served = await kindOf(proxy).serve(rendered.outputs, options);
    const failures: string[] = [];
    for (const route of routes) failures.push(...(await askRoute(route, served)));
    return failures;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [`${error.message}\n→ ${error.hint}`];
  } finally {
    await served?.stop();
    stubs.stop();
  }
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

async function askRoute(
  route: RouteExpectation,
  served: ServedOutputs,
): Promise<readonly string[]> {
  const what = `${route.method} ${route.path} (host ${route.host})`;
  const port = served.port(route.port);
  if (port === undefined) return [`${what}: nothing listens on port ${route.port ?? "any"}`];
  try {
    const answer = await request(route, port);
    return faultsOf(route, answer).map((fault) => `${what}: ${fault}${excerpt(answer)}`);
  } catch (error) {
    return [`${what}: no answer: ${messageOf(error)}`];
  }
}

function request({ path, host, method, headers }: RouteExpectation, port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, path, method, headers: { ...headers, host }, timeout: ANSWER_MS };
    const outgoing = http.request({ ...options, host: "127.0.0.1", agent: false }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      incoming.once("error", reject);
      incoming.once("end", () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }),
      );
    });
    outgoing.once("timeout", () =>
      outgoing.destroy(new Error(`not within ${ANSWER_MS / 1_000} s`)),
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
}

function faultsOf(route: RouteExpectation, { status, headers, body }: Answer): readonly string[] {
  const from = stubAnswer(body);
  const differing = (name: string, wanted: unknown, got: unknown): readonly string[] =>
    wanted === undefined || wanted === got
      ? []
      : [`expected ${name} ${JSON.stringify(wanted)}, got ${JSON.stringify(got) ?? "none"}`];
  return [
    ...differing("status", route.status, status),
    ...differing("service", route.service, from?.service),
    ...differing("instance", route.instance, from?.instance),
    ...differing("the service to see", route.sees, from?.sees),
    ...(route.body ?? [])
      .filter((part) => !body.includes(part))
      .map((part) => `expected a body that contains ${JSON.stringify(part)}`),
    ...Object.entries(route.answers)
      .filter(([name, part]) => !String(headers[name.toLowerCase()] ?? "").includes(part))
      .map(([name, part]) => {
        const got = JSON.stringify(headers[name.toLowerCase()]) ?? "none";
        return `expected header ${name} to contain ${JSON.stringify(part)}, got ${got}`;
      }),
  ];
}

/** `undefined` when the proxy answered by itself. */
function stubAnswer(body: string): StubAnswer | undefined {
  try {
    return JSON.parse(body) as StubAnswer;
  } catch {
    return undefined;
  }
}

const excerpt = ({ status, body }: Answer): string =>
  `\nthe answer: ${status} ${body.trim().slice(0, 200)}`;
