import type { ControlledProxy } from "../apply/controlled-proxy.ts";
import type { ProxyStatus, ReconcileResult } from "../apply/proxy-status.ts";
import { AppError } from "../errors.ts";
import { diffOf } from "./generation-diff.ts";
import { type AdminRequest, json, notFound, type Reply } from "./reply.ts";

/** What a command answers: how the look after it ended, and how the proxy stands then. */
export interface OperatorCommandResult {
  readonly result: ReconcileResult;
  readonly status: ProxyStatus;
}

/**
 * Answers below `/v1/proxies/NAME`: its status, its history, one generation with its diff, and the commands
 * `pause`, `resume`, `rollback` and `accept`.
 *
 * @param path what follows the name, without slashes at its ends
 */
export async function answerForProxy(
  proxy: ControlledProxy,
  path: string,
  request: AdminRequest,
): Promise<Reply> {
  if (request.method === "POST") return await command(proxy, path, request);
  if (request.method !== "GET" && request.method !== "HEAD") return notFound(request);
  if (path === "") return json(200, proxy.status());
  if (path === "history") return json(200, { generations: proxy.history.entries() });
  const number = /^history\/(\d{1,9})$/.exec(path)?.[1];
  return number === undefined
    ? notFound(request)
    : await generation(proxy, Number(number), request);
}

async function generation(
  { history }: ControlledProxy,
  number: number,
  request: AdminRequest,
): Promise<Reply> {
  const stored = history.read(number);
  if (stored === undefined) return notFound(request);
  const before = history.entries().find((it) => it.number < number && it.result === "live");
  const base = before && history.read(before.number);
  return json(200, {
    ...stored.entry,
    ...(before === undefined ? {} : { comparedTo: before.number }),
    diff: await diffOf(base?.outputs ?? [], stored.outputs),
  });
}

async function command(
  proxy: ControlledProxy,
  name: string,
  request: AdminRequest,
): Promise<Reply> {
  try {
    const reconciled = await run(proxy, name, request);
    if (reconciled === undefined) return notFound(request);
    const result: OperatorCommandResult = { result: reconciled, status: proxy.status() };
    return json(200, result);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return json(error.code === "USAGE" ? 400 : 409, { error: error.message, hint: error.hint });
  }
}

async function run(
  proxy: ControlledProxy,
  name: string,
  { body }: AdminRequest,
): Promise<ReconcileResult | undefined> {
  switch (name) {
    case "pause":
      return await proxy.pause();
    case "resume":
      return await proxy.resume();
    case "accept":
      return await proxy.accept();
    case "rollback":
      return await proxy.rollback(generationOf(body));
    default:
      return undefined;
  }
}

/** The number in `{"generation": 7}`; none in `{}` or nothing. */
function generationOf(body: string): number | undefined {
  const wrong = () =>
    new AppError("USAGE", 'Cannot roll back as the body is not JSON such as {"generation": 7}', {
      hint: "Send {} for the generation before the live one",
    });
  try {
    const { generation } = (body === "" ? {} : JSON.parse(body)) as {
      readonly generation?: unknown;
    };
    if (generation === undefined || Number.isSafeInteger(generation)) return generation as number;
  } catch {
    throw wrong();
  }
  throw wrong();
}
