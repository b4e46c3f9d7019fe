import http from "node:http";
import { AppError, messageOf } from "../errors.ts";
import { kindOf } from "../proxy/proxy-kinds.ts";
import type { ServedOutputs } from "../proxy/serve-outputs/served-outputs.ts";
import type { RouteExpectation } from "./case-schema.ts";
import { outputContext, type ProgramOptions } from "./check-outputs.ts";
import { compareResponse, type RouteResponse } from "./compare-response.ts";
import { type CaseToRender, catalogOf, renderCase } from "./render-case.ts";
import { startStubInstances } from "./stub-instances.ts";

const RESPONSE_TIMEOUT_MS = 10_000;

/**
 * Renders a case with a stub in place of each instance, serves the outputs with the real program, and requests each
 * route.
 *
 * @returns what is not as expected, a text each
 */
export async function requestRoutes(
  routes: readonly RouteExpectation[],
  from: CaseToRender,
  options: ProgramOptions,
): Promise<readonly string[]> {
  const stubs = await startStubInstances(await catalogOf(from));
  let served: ServedOutputs | undefined;
  try {
    const rendered = await renderCase(from, stubs.catalog);
    if (!rendered.ok) return [rendered.error];
    const { proxy } = from.setup;
    const { log, signal } = options;
    const context = outputContext(from.cases, options);
    served = await kindOf(proxy).serve(rendered.outputs, { proxy, ...context, log, signal });
    const failures: string[] = [];
    for (const route of routes) failures.push(...(await requestRoute(route, served)));
    return failures;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [`${error.message}\n→ ${error.hint}`];
  } finally {
    await served?.stop();
    stubs.stop();
  }
}

async function requestRoute(
  route: RouteExpectation,
  served: ServedOutputs,
): Promise<readonly string[]> {
  const what = `${route.method} ${route.path} (host ${route.host})`;
  const port = served.port(route.port);
  if (port === undefined) return [`${what}: nothing listens on port ${route.port ?? "any"}`];
  try {
    const response = await request(route, port);
    return compareResponse(route, response).map((it) => `${what}: ${it}${excerpt(response)}`);
  } catch (error) {
    return [`${what}: no answer: ${messageOf(error)}`];
  }
}

const excerpt = ({ status, body }: RouteResponse): string =>
  `\nthe answer: ${status} ${body.trim().slice(0, 200)}`;

function request(route: RouteExpectation, port: number): Promise<RouteResponse> {
  const { path, host, method, headers } = route;
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path,
      method,
      headers: { ...headers, host },
      agent: false,
      timeout: RESPONSE_TIMEOUT_MS,
    };
    const outgoing = http.request(options, (incoming) => {
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
      outgoing.destroy(new Error(`not within ${RESPONSE_TIMEOUT_MS / 1_000} s`)),
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
}
