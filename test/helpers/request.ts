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
  readonly agent?: http.Agent;
}

/** Sends one request and reads the whole answer. @throws when there is none within 10 s */
export async function request(url: string, options: RequestOptions = {}): Promise<Reply> {
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
        timeout: 10_000,
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
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${url} did not answer within 10 s`)));
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}
