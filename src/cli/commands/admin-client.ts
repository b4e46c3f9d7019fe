import http from "node:http";
import { DEFAULT_ADMIN_LISTEN } from "../../config/admin-schema.ts";
import { findConfig } from "../../config/find-config.ts";
import { AppError, messageOf } from "../../errors.ts";

/** Options of the commands that talk to a running daemon. */
export interface AdminClientOptions {
  readonly config?: string;
  readonly admin?: string;
  readonly json?: boolean;
}

/** A running daemon's admin address. */
export interface AdminClient {
  /** @throws {AppError} ADMIN when it cannot be reached or refuses */
  get<T>(path: string): Promise<T>;
  /** @throws {AppError} ADMIN when it cannot be reached, CONTROL when it refuses */
  post<T>(path: string, body?: object): Promise<T>;
}

interface Target {
  /** `host:port`. */
  readonly address: string;
  readonly token: string | undefined;
}

/**
 * Finds the daemon: `--admin`, else the config's address. The token is FAIRLEAD_TOKEN, else the config's.
 *
 * @throws {AppError} CONFIG, or USAGE when the config has no admin address
 */
export async function openAdminClient(options: AdminClientOptions): Promise<AdminClient> {
  const target = await findTarget(options);
  return {
    get: async <T>(path: string) => (await send(target, "GET", path)) as T,
    post: async <T>(path: string, body: object = {}) =>
      (await send(target, "POST", path, body)) as T,
  };
}

async function findTarget({ config, admin }: AdminClientOptions): Promise<Target> {
  const environment = process.env;
  const token = environment["FAIRLEAD_TOKEN"] || undefined;
  if (admin !== undefined) {
    return { address: admin.replace(/^http:\/\//, "").replace(/\/+$/, ""), token };
  }
  const loaded = (await findConfig(config, { environment })).config.admin;
  const listen = loaded?.listen ?? DEFAULT_ADMIN_LISTEN;
  if (listen === "off") {
    throw new AppError("USAGE", "Cannot reach the daemon as the config's admin.listen is off", {
      hint: "Set admin.listen in the config, then send SIGHUP to the daemon",
    });
  }
  return { address: reachable(listen), token: token ?? (loaded?.token || undefined) };
}

/** A daemon that listens on all addresses is reached on loopback. */
const reachable = (listen: string): string =>
  listen.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");

/** For reads only: a command answers after its reconcile, which takes as long as a check takes. */
const READ_TIMEOUT_MS = 10_000;

async function send(target: Target, method: string, path: string, body?: object): Promise<unknown> {
  const { status, text } = await exchange(target, { method, path, body });
  const value = parse(text);
  if (status === 200 && value !== undefined) return value;
  const { error, hint = "See the daemon's log" } = (value ?? {}) as Partial<Refusal>;
  if (error === undefined) throw unreachable(target.address, `it answers ${status}, and no JSON`);
  throw new AppError(status === 409 ? "CONTROL" : "ADMIN", error, { hint });
}

interface Refusal {
  readonly error: string;
  readonly hint: string;
}

function exchange(
  { address, token }: Target,
  {
    method,
    path,
    body,
  }: { readonly method: string; readonly path: string; readonly body: object | undefined },
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(unreachable(address, cause));
    const request = http.request(
      urlOf(address, path),
      {
        method,
        agent: false,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(method === "GET" ? { timeout: READ_TIMEOUT_MS } : {}),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode ?? 0, text });
        });
      },
    );
    request.on("timeout", () =>
      request.destroy(new Error(`no answer in ${READ_TIMEOUT_MS / 1_000} s`)),
    );
    request.on("error", fail);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function urlOf(address: string, path: string): URL {
  const url = URL.parse(`http://${address}${path}`);
  if (url !== null) return url;
  throw new AppError("USAGE", `Cannot reach the daemon as "${address}" is not host:port`, {
    hint: "Name an address such as --admin 127.0.0.1:9700",
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const unreachable = (address: string, cause: unknown): AppError =>
  new AppError(
    "ADMIN",
    `Cannot reach the daemon at ${address} as ${messageOf(cause) || "nothing listens there"}`,
    {
      hint: "Check that `fairlead run` runs with this config, or name its address with --admin",
      cause,
    },
  );
