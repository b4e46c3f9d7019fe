import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A proxy for a real Varnish's CLI that passes all commands on, but for those that it refuses. */
export interface RefusingCli {
  readonly address: string;
  /** Answers 300 to commands that `matches`, and Varnish does not see them. `matches` gets a command's words without quotes. */
  refuse(matches: (command: string) => boolean): void;
  /** What was refused since the last {@link RefusingCli.refuse}. */
  refused(): readonly string[];
}

const WORDS = "not now";
const REFUSAL = `300 ${String(WORDS.length).padEnd(8)}\n${WORDS}\n`;

/** @param target the CLI's `host:port` */
export async function testRefusingCli(target: string): Promise<RefusingCli> {
  const sockets = new Set<Socket>();
  let matches: (command: string) => boolean = () => false;
  let refused: string[] = [];
  const server = createServer((incoming) => {
    const onward = connect(Number(target.split(":")[1]), "127.0.0.1");
    for (const socket of [incoming, onward]) {
      sockets.add(socket);
      socket.on("close", () => {
        incoming.destroy();
        onward.destroy();
      });
      socket.on("error", () => socket.destroy());
    }
    onward.pipe(incoming);
    // One command is sent at a time, and is far shorter than what a socket takes at once.
    incoming.on("data", (chunk) => {
      const command = chunk.toString().replaceAll('"', "").trim();
      if (!matches(command)) return void onward.write(chunk);
      refused.push(command);
      incoming.write(REFUSAL);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { readonly port: number };
  return {
    address: `127.0.0.1:${port}`,
    refuse(next) {
      matches = next;
      refused = [];
    },
    refused: () => refused,
  };
}
