import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What the proxy does with a request. `pass` passes it on. */
export type Fault =
  | "pass"
  | "refuse"
  | "stall"
  | "break-off"
  | "slow-bytes"
  | "huge"
  | "index-back"
  | "truncate-json"
  | "html"
  | "no-leader"
  | "forbidden"
  | "too-many"
  | "index-zero"
  | "index-missing";

/** An HTTP proxy in front of a real agent that spoils answers on request. */
export interface FaultProxy {
  readonly address: string;
  setFault(fault: Fault): void;
  /** Breaks all connections, and passes requests on to another agent from now on. */
  moveTo(target: string): void;
  /** Answers 403 to requests for what lies below a path, as long as the fault is `pass`. */
  forbid(path: string): void;
  /** Paths, with their parameters, of requests that wait for an answer. */
  waiting(): readonly string[];
  /** Requests seen so far. */
  requests(): number;
  /** The most connections that were open at once. */
  mostConnections(): number;
  stop(): Promise<void>;
}

/** @param firstTarget the agent's address */
export async function startFaultProxy(firstTarget: string): Promise<FaultProxy> {
  let target = firstTarget;
  let fault: Fault = "pass";
  let forbidden: string | undefined;
  const waiting = new Set<IncomingMessage>();
  let requests = 0;
  let open = 0;
  let most = 0;
  const server = createServer((incoming, outgoing) => {
    requests += 1;
    waiting.add(incoming);
    outgoing.on("close", () => waiting.delete(incoming));
    const isForbidden = forbidden !== undefined && incoming.url?.startsWith(forbidden) === true;
    const faultNow = () => (isForbidden && fault === "pass" ? "forbidden" : fault);
    spoil(faultNow, target, incoming, outgoing);
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
      const isHanging = fault === "stall" || fault === "slow-bytes";
      fault = next;
      // A fault also breaks requests that wait for an answer. An agent that is back has none of the old connections.
      const isMet = !["pass", "stall", "index-back"].includes(next);
      if (isMet || isHanging) server.closeAllConnections();
    },
    moveTo(next) {
      target = next;
      server.closeAllConnections();
    },
    forbid(path) {
      forbidden = path;
    },
    waiting: () => [...waiting].map(({ url = "" }) => url),
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
  faultNow: () => Fault,
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const fault = faultNow();
  const instead = INSTEAD[fault];
  if (instead !== undefined) {
    outgoing.writeHead(instead.status, { ...instead.headers }).end(instead.body);
  } else if (fault === "pass" || fault === "index-back") {
    passOn(target, { incoming, outgoing, faultNow });
  } else if (fault === "slow-bytes") {
    outgoing.writeHead(200, { ...INDEX });
    const timer = setInterval(() => outgoing.write(" "), 100);
    outgoing.on("close", () => clearInterval(timer));
  } else if (fault === "huge") {
    outgoing.writeHead(200, { ...INDEX });
    const more = () => {
      while (!outgoing.destroyed && outgoing.write(" ".repeat(65_536)));
    };
    outgoing.on("drain", more);
    more();
  } else if (fault === "refuse") {
    incoming.socket.destroy();
  } else if (fault === "break-off") {
    outgoing.writeHead(200, { ...INDEX, "content-length": "1000" });
    outgoing.write('[{"Node":');
    setImmediate(() => incoming.socket.destroy());
  }
  // Stalled: the connection stays open without an answer.
}

/** By how much the history is behind after it went back. */
const BACK = 5;

function passOn(
  target: string,
  {
    incoming,
    outgoing,
    faultNow,
  }: {
    readonly incoming: IncomingMessage;
    readonly outgoing: ServerResponse;
    readonly faultNow: () => Fault;
  },
): void {
  const moved = (text: string, by: number): string => String(Math.max(1, Number(text) + by));
  const url =
    faultNow() === "index-back"
      ? incoming.url?.replace(/\bindex=(\d+)/, (_, index: string) => `index=${moved(index, BACK)}`)
      : incoming.url;
  const onward = httpRequest(
    `${target}${url}`,
    { method: incoming.method, headers: incoming.headers, agent: false },
    (answer) => {
      const index = answer.headers["x-consul-index"];
      const isBack = faultNow() === "index-back" && typeof index === "string";
      outgoing.writeHead(answer.statusCode ?? 502, {
        ...answer.headers,
        ...(isBack ? { "x-consul-index": moved(index, -BACK) } : {}),
      });
      answer.pipe(outgoing);
    },
  );
  onward.on("error", () => incoming.socket.destroy());
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}
