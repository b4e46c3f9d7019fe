import type { NginxConfig } from "../../config/proxy-schema.ts";
import { AppError, messageOf } from "../../errors.ts";

type Target = NonNullable<NginxConfig["reload"]["docker"]>;

/** What the Docker client throws: an answer's status, or the system's code when there was none. */
type DockerFailure = Error & { readonly statusCode?: number; readonly code?: string };

/**
 * Sends a signal to the first process of a container, through Docker's API. Makes no other request.
 *
 * Source: Docker Engine API, "Kill a container".
 *
 * @throws {AppError} PROXY_DOWN when the container does not run, RELOAD_FAILED when Docker cannot be asked
 */
export async function signalContainer(
  target: Target,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  // Loaded here, as only this way of reloading needs the client.
  const { default: Docker } = await import("dockerode");
  const docker = new Docker({ ...endpointOf(target.socket), timeout: timeoutMs });
  try {
    await docker
      .getContainer(target.container)
      .kill({ signal: target.signal, abortSignal: signal });
  } catch (error) {
    signal.throwIfAborted();
    throw explained(target, error as DockerFailure);
  }
}

/** Complete, as the client takes missing fields from DOCKER_HOST and similar variables. */
function endpointOf(socket: string): object {
  if (socket.startsWith("/")) return { protocol: "http", host: undefined, socketPath: socket };
  const { hostname, port } = new URL(socket);
  return { protocol: "http", host: hostname, port: port === "" ? 80 : Number(port) };
}

function explained({ container, socket, signal }: Target, cause: DockerFailure): AppError {
  const { code, reason, hint } = reasonOf(cause, { container, socket, signal });
  return new AppError(
    code,
    `Cannot send ${signal} to the container "${container}" as ${reason}: ${messageOf(cause)}`,
    { hint, cause },
  );
}

function reasonOf(
  { statusCode, code }: DockerFailure,
  { container, socket, signal }: Target,
): {
  readonly code: "PROXY_DOWN" | "RELOAD_FAILED";
  readonly reason: string;
  readonly hint: string;
} {
  if (statusCode === 404 || statusCode === 409) {
    return {
      code: "PROXY_DOWN",
      reason: statusCode === 404 ? "Docker knows no such container" : "it does not run",
      hint: "Start the container, or correct reload.docker.container. The checked files are in place, and Fairlead signals it as soon as it runs",
    };
  }
  if (statusCode === 401 || statusCode === 403) {
    return {
      code: "RELOAD_FAILED",
      reason: `"${socket}" forbids it`,
      hint: `Let the proxy before Docker's API pass POST /containers/${container}/kill?signal=${signal}`,
    };
  }
  if (code === "EACCES" || code === "EPERM") {
    return {
      code: "RELOAD_FAILED",
      reason: `user ${process.getuid?.()} may not use "${socket}"`,
      hint: "Run Fairlead in the group that the socket belongs to, or use the restricted socket of docs/guides/containers.md",
    };
  }
  return {
    code: "RELOAD_FAILED",
    reason: statusCode === undefined ? `"${socket}" does not answer` : "Docker refuses",
    hint:
      statusCode === undefined
        ? "Share the socket's directory with this container, or correct reload.docker.socket"
        : "See what Docker's engine logs",
  };
}
