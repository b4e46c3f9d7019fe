import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of a request. `pass` hands it on. */
export type Fault =
  | "pass"
  | "refuse"
  | "stall"
  | "break-off"
  | "truncate-json"
  | "html"
  | "no-leader"
  | "forbidden"
  | "too-many"
  | "index-zero"
  | "index-missing";

/** An HTTP proxy in front of a real agent that spoils answers when it is told to. */
export interface FaultProxy {
  readonly address: string;
  setFault(fault: Fault): void;
  /** Requests seen so far. */
  requests(): number;
  /** The most connections that were open at once. */
  mostConnections(): number;
  stop(): Promise<void>;
}

/** @param target the agent's address */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let fault: Fault = "pass";
  let requests = 0;
  let open = 0;
  let most = 0;
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    spoil(fault, target, incoming, outgoing);
  });
  server.on("connection", (socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on("close", () => {
      open -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setFault(next) {
      fault = next;
      // What waits for an answer is met by the fault as well.
      if (next !== "pass" && next !== "stall") server.closeAllConnections();
    },
    requests: () => requests,
    mostConnections: () => most,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const INDEX = { "x-consul-index": "7", "content-type": "application/json" };

/** What is answered instead of the agent's answer: status, content type and body. */
const INSTEAD: Readonly<
  Partial<
    Record<Fault, { readonly status: number; readonly headers: object; readonly body: string }>
  >
> = {
  "truncate-json": { status: 200, headers: INDEX, body: '[{"Node":' },
  html: {
    status: 200,
    headers: { ...INDEX, "content-type": "text/html" },
    body: "<html>Please log in</html>",
  },
  "no-leader": {
    status: 500,
    headers: { "content-type": "text/plain" },
    body: "No cluster leader",
  },
  forbidden: { status: 403, headers: { "content-type": "text/plain" }, body: "Permission denied" },
  "too-many": { status: 429, headers: { "content-type": "text/plain" }, body: "Too many requests" },
  "index-zero": { status: 200, headers: { ...INDEX, "x-consul-index": "0" }, body: "[]" },
  "index-missing": { status: 200, headers: { "content-type": "application/json" }, body: "[]" },
};

function spoil(
  fault: Fault,
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const instead = INSTEAD[fault];
  if (instead !== undefined) {
    outgoing.writeHead(instead.status, { ...instead.headers }).end(instead.body);
  } else if (fault === "pass") {
    handOn(target, incoming, outgoing);
  } else if (fault === "refuse") {
    incoming.socket.destroy();
  } else if (fault === "break-off") {
    outgoing.writeHead(200, { ...INDEX, "content-length": "1000" });
    outgoing.write('[{"Node":');
    setImmediate(() => incoming.socket.destroy());
  }
  // Stalled: the connection is there, and says nothing.
}

function handOn(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const onward = httpRequest(
    `${target}${incoming.url}`,
    { method: incoming.method, headers: incoming.headers, agent: false },
    (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  onward.on("error", () => incoming.socket.destroy());
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}
