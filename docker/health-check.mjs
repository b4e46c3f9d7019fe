#!/usr/bin/env node
/*
 * Exits with 0 when every proxy of the Fairlead in this container serves a proved generation: its /ready shows that.
 *
 * It finds the address at which that process listens, whatever its config says. Where it cannot see that, it uses
 * FAIRLEAD_ADMIN.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import http from "node:http";
import { endianness } from "node:os";

const TIMEOUT_MS = 6_000; // less than the health check's own

const configured = process.env.FAIRLEAD_ADMIN || "127.0.0.1:9700";
const [where = { host: configured.replace(/:\d+$/, ""), port: configured.replace(/^.*:/, "") }] =
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && isFairleadHere(pid))
    .flatMap(listensAt);
ask({ host: reachable(where.host), port: where.port });

/** Whether a process is `fairlead run`, and of this container: others may share its processes. */
function isFairleadHere(pid) {
  const args = attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), "").split("\0");
  const program = args.findIndex((arg) => /(^|\/)(fairlead|cli\/main\.js)$/.test(arg));
  const namespace = (of) => attempt(() => readlinkSync(`/proc/${of}/ns/mnt`), of);
  return program >= 0 && args[program + 1] === "run" && namespace(pid) === namespace("self");
}

/** The addresses at which a process takes connections. */
function listensAt(pid) {
  const sockets = attempt(() => readdirSync(`/proc/${pid}/fd`), [])
    .map((fd) => attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ""))
    .map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]);
  return ["tcp", "tcp6"]
    .flatMap((kind) =>
      attempt(() => readFileSync(`/proc/${pid}/net/${kind}`, "utf8"), "").split("\n"),
    )
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === "0A" && sockets.includes(inode))
    .map(([, local]) => addressOf(local));
}

/** Of `0100007F:25E4`: the address is in words of the machine's own byte order, the port is not. */
function addressOf(local) {
  const [words, port] = local.split(":");
  const bytes = words.match(/.{8}/g).flatMap((word) => {
    const four = [...Buffer.from(word, "hex")];
    return endianness() === "LE" ? four.toReversed() : four;
  });
  const host =
    bytes.length === 4
      ? bytes.join(".")
      : Buffer.from(bytes).toString("hex").match(/.{4}/g).join(":");
  return { host, port: Number.parseInt(port, 16) };
}

/** A process that listens on all addresses is reached on loopback. */
function reachable(host) {
  if (/^(0\.0\.0\.0|\*|)$/.test(host)) return "127.0.0.1";
  return /^\[?[0:]+\]?$/.test(host) ? "::1" : host.replace(/^\[|\]$/g, "");
}

function ask({ host, port }) {
  const token = process.env.FAIRLEAD_TOKEN; // with it /ready names the reason
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const request = http.get(
    { host, port, path: "/ready", headers, timeout: TIMEOUT_MS },
    (response) => {
      response.pipe(process.stdout); // Docker keeps it: `docker inspect` shows why a container is not healthy
      process.exitCode = response.statusCode === 200 ? 0 : 1;
    },
  );
  request.on("timeout", () =>
    request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)),
  );
  request.on("error", (error) => {
    console.log(`Cannot ask /ready at ${host}:${port}: ${error.message}`);
    process.exitCode = 1;
  });
}

function attempt(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise; // it ended meanwhile, or is another user's
  }
}
