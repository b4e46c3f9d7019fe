import http from "node:http";
import https from "node:https";

/** What one answer may cost. */
export interface Bounds {
  /** Time for the complete answer, to its last byte. */
  readonly withinMs: number;
  /** The largest body that is read. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Sends one GET and reads the complete answer, whatever its status.
 *
 * The `consul` package has no limit for the size of a body, hides the headers, and waits for the end of an answer that
 * breaks off; so this reads what may be large or is held open.
 *
 * @throws the signal's reason once aborted, else an Error that says how the connection failed: also when the
 * answer breaks off, is late, or is too large
 */
export async function httpGet(
  request: https.RequestOptions,
  { signal, ...limits }: Bounds,
): Promise<HttpReply> {
  try {
    return await getOnce(request, { signal, ...limits });
  } catch (error) {
    signal.throwIfAborted();
    // A server may close an idle connection just as it is used again. Source: RFC 9112, section 9.3.1.
    if (!closedWhenReused.has(error as Error)) throw error;
    return await getOnce(request, { signal, ...limits });
  }
}

/** Failures of requests on a connection that had been idle. */
const closedWhenReused = new WeakSet<Error>();

function getOnce(
  options: https.RequestOptions,
  { withinMs, mostBytes, signal }: Bounds,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = (options.protocol === "https:" ? https : http).get(options, read);
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (request.reusedSocket && error.code === "ECONNRESET") closedWhenReused.add(error);
      fail(error);
    });
    const timer = setTimeout(() => fail(tooLate(withinMs)), withinMs);
    const abort = () => fail(new Error("this answer is no longer needed"));
    signal.addEventListener("abort", abort, { once: true });

    function read(response: http.IncomingMessage): void {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) fail(new Error(`the answer is larger than ${mostBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", () => fail(brokenOff()));
      response.on("end", () => {
        if (!response.complete) return fail(brokenOff());
        end();
        const body = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    }

    function fail(error: Error): void {
      end();
      reject(error);
      request.destroy();
    }

    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  });
}

const brokenOff = (): Error => new Error("the answer broke off");
const tooLate = (withinMs: number): Error =>
  new Error(`timed out: the answer was not complete within ${Math.round(withinMs / 1_000)} s`);
