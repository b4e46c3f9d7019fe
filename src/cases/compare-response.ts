import type { IncomingHttpHeaders } from "node:http";
import type { RouteExpectation } from "./case-schema.ts";
import type { StubResponse } from "./stub-instances.ts";

/** What the proxy answered to one request. */
export interface RouteResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What differs from what is expected of a response, a text each. */
export function compareResponse(
  route: RouteExpectation,
  { status, headers, body }: RouteResponse,
): readonly string[] {
  const from = stubResponse(body);
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

/** `undefined` when the proxy itself answered. */
function stubResponse(body: string): StubResponse | undefined {
  try {
    return JSON.parse(body) as StubResponse;
  } catch {
    return undefined;
  }
}
