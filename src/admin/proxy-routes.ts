import type { ControlledProxy } from "../apply/controlled-proxy.ts";
import type { ProxyStatus, ReconcileResult } from "../apply/proxy-status.ts";
import { AppError } from "../errors.ts";
import type { AdminCall, AdminRoute } from "./admin-route.ts";
import { diffOf } from "./generation-diff.ts";
import { json, notFound, type Reply } from "./reply.ts";

/** What a command answers: the result of the reconcile that followed it, and the proxy's state after that. */
export interface OperatorCommandResult {
  readonly result: ReconcileResult;
  readonly status: ProxyStatus;
}

const ENTRY =
  '"number": 7, "at": "2026-11-24T12:00:00.000Z", "result": "live", "cause": { "change": "service web: 1 instance added", … }, …';

/** The routes of one proxy. */
export const PROXY_ROUTES: readonly AdminRoute[] = [
  {
    method: "GET",
    path: "/v1/proxies/{name}",
    summary: "The state of one proxy, as in `/v1/status`.",
    access: "operators",
    statuses: { 200: "The state." },
    example: { answer: '{ "name": "edge", "kind": "nginx", "result": "live", … }' },
    answer: onProxy((proxy) => json(200, proxy.status())),
  },
  {
    method: "GET",
    path: "/v1/proxies/{name}/history",
    summary: "The last generations, the newest first, each with its cause, timings and result.",
    access: "operators",
    statuses: { 200: "The generations." },
    example: { answer: `{ "generations": [{ ${ENTRY} }] }` },
    answer: onProxy(({ history }) => json(200, { generations: history.entries() })),
  },
  {
    method: "GET",
    path: "/v1/proxies/{name}/history/{number}",
    summary: "One generation, with its diff against the live generation before it.",
    access: "operators",
    statuses: { 200: "The generation.", 404: "The history has no such generation." },
    example: { answer: `{ ${ENTRY}, "comparedTo": 6, "diff": "--- …" }` },
    answer: onProxy(generation),
  },
  command("pause", "Changes no file of the proxy until `resume`.", (proxy) => proxy.pause()),
  command("resume", "Follows the catalog again.", (proxy) => proxy.resume()),
  command("accept", "Lets the change go live that the guard holds.", (proxy) => proxy.accept()),
  {
    ...command("rollback", "Serves an earlier generation until `resume`.", (proxy, body) =>
      proxy.rollback(generationIn(body)),
    ),
    example: {
      body: '{ "generation": 7 }, or {} for the generation before the live one',
      answer: '{ "result": "live", "status": { "name": "edge", … } }',
    },
  },
];

/** Answers with what `answer` makes of the proxy that the path names. */
function onProxy(
  answer: (proxy: ControlledProxy, call: AdminCall) => Reply | Promise<Reply>,
): AdminRoute["answer"] {
  return async (call) => {
    const proxies = call.daemon.proxies() ?? [];
    const proxy = proxies.find((it) => it.status().name === call.parameters["name"]);
    return proxy === undefined ? notFound(call.request) : await answer(proxy, call);
  };
}

async function generation(
  { history }: ControlledProxy,
  { request, parameters }: AdminCall,
): Promise<Reply> {
  const text = parameters["number"] ?? "";
  const number = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  const stored = number === undefined ? undefined : history.read(number);
  if (number === undefined || stored === undefined) return notFound(request);
  const before = history.entries().find((it) => it.number < number && it.result === "live");
  const base = before && history.read(before.number);
  return json(200, {
    ...stored.entry,
    ...(before === undefined ? {} : { comparedTo: before.number }),
    diff: await diffOf(base?.outputs ?? [], stored.outputs),
  });
}

function command(
  name: string,
  summary: string,
  run: (proxy: ControlledProxy, body: string) => Promise<ReconcileResult>,
): AdminRoute {
  return {
    method: "POST",
    path: `/v1/proxies/{name}/${name}`,
    summary,
    access: "operators",
    statuses: {
      200: "The command was carried out. `result` is the result of the reconcile that followed.",
      400: "The body is not valid.",
      409: "The command is not possible now.",
    },
    example: { body: "{}", answer: '{ "result": "live", "status": { "name": "edge", … } }' },
    answer: onProxy(async (proxy, { request }) => {
      try {
        const answer: OperatorCommandResult = {
          result: await run(proxy, request.body),
          status: proxy.status(),
        };
        return json(200, answer);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return json(error.code === "USAGE" ? 400 : 409, { error: error.message, hint: error.hint });
      }
    }),
  };
}

/** The number in `{"generation": 7}`; none in `{}` or nothing. */
function generationIn(body: string): number | undefined {
  const invalid = () =>
    new AppError("USAGE", 'Cannot roll back as the body is not JSON such as {"generation": 7}', {
      hint: "Send {} for the generation before the live one",
    });
  try {
    const { generation } = (body === "" ? {} : JSON.parse(body)) as {
      readonly generation?: unknown;
    };
    if (generation === undefined || Number.isSafeInteger(generation)) return generation as number;
  } catch {
    throw invalid();
  }
  throw invalid();
}
