import http from "node:http";
import https from "node:https";

/** One GET: where, what, and what it may cost. */
export interface HttpGet {
  readonly target: {
    readonly agent: http.Agent;
    readonly basePath: string;
    readonly protocol?: string;
    readonly host?: string;
    readonly port?: string;
    readonly socketPath?: string;
  };
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Time for the whole answer, to its last byte. */
  readonly withinMs: number;
  /** Size of the body from which on it is not read any further. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Reads one answer whole, whatever its status.
 *
 * @throws the signal's reason once aborted, else an Error that says how the connection failed: also when the
 * answer breaks off, is late, or is larger than it may be
 */
export async function httpGet(options: HttpGet): Promise<HttpReply> {
  try {
    return await getOnce(options);
  } catch (error) {
    options.signal.throwIfAborted();
    // A server may close an idle connection just as it is used again. Source: RFC 9112, section 9.3.1.
    if (!(error instanceof ClosedWhenReused)) throw error;
    return await getOnce(options);
  }
}

class ClosedWhenReused extends Error {}

function getOnce({ target, ...options }: HttpGet): Promise<HttpReply> {
  const { path, headers, withinMs, mostBytes, signal } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const { basePath, ...where } = target;
    const client = where.protocol === "https:" ? https : http;
    const request = client.request({ ...where, path: basePath + path, headers });
    const fail = (error: Error) => {
      end(() => reject(error));
      request.destroy();
    };
    const abort = () => fail(new Error("not needed any more"));
    const timer = setTimeout(
      () => fail(new Error(`timed out: no whole answer within ${Math.round(withinMs / 1_000)} s`)),
      withinMs,
    );
    signal.addEventListener("abort", abort, { once: true });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      settle();
    };
    request.on("error", (error: NodeJS.ErrnoException) => {
      const wasIdle = request.reusedSocket && error.code === "ECONNRESET";
      end(() => reject(wasIdle ? new ClosedWhenReused(error.message, { cause: error }) : error));
    });
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) fail(new Error(`the answer is larger than ${mostBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", () => end(() => reject(new Error("the answer broke off"))));
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
        end(() => resolve({ status, headers, body }));
      });
    });
    request.end();
  });
}
