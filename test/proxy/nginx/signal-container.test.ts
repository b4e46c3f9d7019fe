import http, { type ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { signalContainer } from "../../../src/proxy/nginx/signal-container.ts";
import { startProgram } from "../../helpers/child-process.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

const RESTRICTED_SOCKET = fileURLToPath(
  new URL("../../../docker/docker-signal.mjs", import.meta.url),
);

/* Docker itself is asked in test/docker. Here its answers are those of its API's description. */

describe("signalContainer()", () => {
  test("requests the signal, and nothing else", async ({ signal }) => {
    const engine = await startEngine(204);
    await signalContainer(target({ socket: engine.socket }), { timeoutMs: 2_000, signal });
    expect(engine.asked).toEqual(["POST /containers/nginx/kill?signal=HUP"]);
  });

  test.each([
    [404, "PROXY_DOWN", "Docker knows no such container", "reload.docker.container"],
    [409, "PROXY_DOWN", "it does not run", "Start the container"],
    [403, "RELOAD_FAILED", "forbids it", "pass POST /containers/nginx/kill?signal=HUP"],
    [500, "RELOAD_FAILED", "Docker refuses", "Docker's engine logs"],
  ])("says what the answer %i means", async (status, code, said, hint) => {
    const engine = await startEngine(status);
    const { signal } = new AbortController();
    await expect(
      signalContainer(target({ socket: engine.socket }), { timeoutMs: 2_000, signal }),
    ).rejects.toMatchObject({
      code,
      message: expect.stringContaining(said),
      hint: expect.stringContaining(hint),
    });
  });

  test.each(["/nowhere/docker.sock", "http://127.0.0.1:1"])(
    "says that nothing answers at %s",
    async (socket) => {
      const { signal } = new AbortController();
      await expect(
        signalContainer(target({ socket }), { timeoutMs: 2_000, signal }),
      ).rejects.toMatchObject({
        code: "RELOAD_FAILED",
        message: expect.stringContaining(`as "${socket}" does not answer`),
      });
    },
  );
});

describe("docker-signal.mjs", () => {
  test("lets a named signal to a named container through, and nothing else", async ({ signal }) => {
    const engine = await startEngine(204);
    const directory = await testDirectory();
    const socket = directory.at("restricted.sock");
    const program = await startProgram([process.execPath, RESTRICTED_SOCKET], {
      env: {
        ...process.env,
        CONTAINERS: "nginx,edge",
        LISTEN: socket,
        DOCKER_SOCKET: engine.socket,
      },
    });
    onTestFinished(async () => void (await program.stop()));
    await until("it listens", () => program.output().includes("listen"));

    await signalContainer(target({ socket }), { timeoutMs: 2_000, signal });
    await signalContainer(target({ socket, container: "edge" }), { timeoutMs: 2_000, signal });
    const passed = ["nginx", "edge"].map((name) => `POST /containers/${name}/kill?signal=HUP`);
    expect(engine.asked).toEqual(passed);

    await expect(
      signalContainer(target({ socket, container: "other" }), { timeoutMs: 2_000, signal }),
    ).rejects.toMatchObject({ message: expect.stringContaining("forbids it") });
    for (const [method, path] of [
      ["GET", "/containers/json"],
      ["GET", "/containers/nginx/kill?signal=HUP"],
      ["POST", "/containers/nginx/kill"],
      ["POST", "/containers/nginx/kill?signal=KILL"],
      ["POST", "/containers/nginx/kill?signal=HUP&signal=KILL"],
      ["POST", "/containers/nginx/../other/kill?signal=HUP"],
      ["POST", "/containers/nginx/exec"],
      ["POST", "/v1.41/containers/nginx%2f..%2fother/kill?signal=HUP"],
    ] as const) {
      expect(await ask(socket, { method, path }), `${method} ${path}`).toBe(403);
    }
    expect(engine.asked).toEqual(passed);
    expect(await program.stop()).toBe(0);
  });
});

const target = (more: object) => ({
  container: "nginx",
  signal: "HUP" as const,
  socket: "/var/run/docker.sock",
  ...more,
});

/** Something that answers every request with one status, as Docker would. */
async function startEngine(status: number) {
  const directory = await testDirectory();
  const socket = directory.at("docker.sock");
  const asked: string[] = [];
  const server = http.createServer((incoming, outgoing: ServerResponse) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    outgoing.writeHead(status, { "content-type": "application/json" });
    outgoing.end(status === 204 ? "" : '{"message":"its own words"}');
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => void server.close());
  return { socket, asked };
}

function ask(
  socketPath: string,
  options: { readonly method: string; readonly path: string },
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    http
      .request({ socketPath, ...options }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      })
      .on("error", reject)
      .end();
  });
}
