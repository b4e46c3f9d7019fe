import { EventEmitter } from "node:events";
import type http from "node:http";
import { Writable } from "node:stream";

/** What a method of the `consul` package takes beside its own options, to be followed from outside. */
export interface Context extends EventEmitter {
  /** Takes the body as it comes. */
  readonly body: Writable;
}

/** What one answer may cost. */
export interface Bounds {
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
 * Calls a method of the `consul` package, and reads the answer whole, whatever its status.
 *
 * @throws the signal's reason once aborted, else an Error that says how the connection failed: also when the
 * answer breaks off, is late, or is larger than it may be
 */
export async function readReply(
  call: (context: Context) => Promise<unknown>,
  bounds: Bounds,
): Promise<HttpReply> {
  try {
    return await readOnce(call, bounds);
  } catch (error) {
    bounds.signal.throwIfAborted();
    // A server may close an idle connection just as it is used again. Source: RFC 9112, section 9.3.1.
    if (!closedWhenReused.has(error as Error)) throw error;
    return await readOnce(call, bounds);
  }
}

/** Failures of connections that were idle before. */
const closedWhenReused = new WeakSet<Error>();

/**
 * Has an agent tell which requests failed as the idle connection that they got was closed. Those that waited for one of a
 * full agent are not told: theirs was never idle.
 */
export function noteReuse<A extends http.Agent>(agent: A): A {
  const reuse = agent.reuseSocket.bind(agent);
  agent.reuseSocket = (socket, request) => {
    reuse(socket, request);
    request.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") closedWhenReused.add(error);
    });
  };
  return agent;
}

function readOnce(
  call: (context: Context) => Promise<unknown>,
  { withinMs, mostBytes, signal }: Bounds,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let response: http.IncomingMessage | undefined;
    const body = new Writable({
      write(chunk: Buffer, _, done) {
        bytes += chunk.length;
        if (bytes > mostBytes) giveUp(new Error(`the answer is larger than ${mostBytes} bytes`));
        else chunks.push(chunk);
        done();
      },
    });
    body.on("pipe", (from: http.IncomingMessage) => {
      response = from;
      from.on("error", () => giveUp(new Error("the answer broke off")));
    });
    const context = Object.assign(new EventEmitter(), { body });
    const timer = setTimeout(
      () =>
        giveUp(new Error(`timed out: no whole answer within ${Math.round(withinMs / 1_000)} s`)),
      withinMs,
    );
    const abort = () => giveUp(new Error("not needed any more"));
    signal.addEventListener("abort", abort, { once: true });
    call(context).then(() => ended(new Error("the answer broke off")), ended);

    /** The package knows no answer that breaks off, and no bound: it is told to let go. */
    function giveUp(error: Error): void {
      settle(() => reject(error));
      context.emit("cancel");
    }

    /** Also of a status that the package takes for a failure the answer is whole. */
    function ended(error: unknown): void {
      settle(() => {
        if (response?.complete) resolve(replyOf(response, chunks));
        else reject(error);
      });
    }

    function settle(how: () => void): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      how();
    }
  });
}

function replyOf(response: http.IncomingMessage, chunks: readonly Buffer[]): HttpReply {
  const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
