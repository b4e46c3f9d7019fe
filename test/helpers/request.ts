import http from "node:http";

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A connection of its own unless given. */
  readonly agent?: http.Agent | false;
  /** How long the server may be silent: 10 s unless given. */
  readonly timeoutMs?: number;
}

/** Sends one request and reads the complete answer. @throws when the server is silent for `timeoutMs` */
export async function request(url: string, options: RequestOptions = {}): Promise<Reply> {
  const { timeoutMs = 10_000 } = options;
  return await new Promise((resolve, reject) => {
    const outgoing = http.request(
      url,
      {
        method: options.method ?? "GET",
        agent: options.agent ?? false,
        headers: {
          ...options.headers,
          ...(options.host === undefined ? {} : { host: options.host }),
        },
        timeout: timeoutMs,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    // Node's own `reusedSocket` misses requests that waited for a socket of a full agent.
    let isReused = false;
    outgoing.once("socket", (socket) => {
      isReused = !socket.connecting;
    });
    outgoing.on("timeout", () =>
      outgoing.destroy(new Error(`${url} did not answer within ${timeoutMs / 1_000} s`)),
    );
    outgoing.on("error", (error) => {
      // A server may close an idle connection just as it is used again. Every browser then asks once more
      // (RFC 9112, section 9.3.1), and so does this client.
      if (
        outgoing.method === "GET" &&
        isReused &&
        (error as NodeJS.ErrnoException).code === "ECONNRESET"
      ) {
        resolve(request(url, { ...options, agent: false }));
      } else reject(error);
    });
    outgoing.end(options.body);
  });
}
