#!/usr/bin/env node
// Exits with 0 when every proxy of the Fairlead in this container serves a proved generation: its /ready says so.
import http from "node:http";

const [port = "9700", ...host] = (process.env.FAIRLEAD_ADMIN || "127.0.0.1:9700")
  .split(":")
  .toReversed();
const token = process.env.FAIRLEAD_TOKEN;
const request = http.get(
  {
    // An address that means every one is asked on the loopback one.
    host: /^(\*|0\.0\.0\.0|\[::\]|)$/.test(host.toReversed().join(":"))
      ? "127.0.0.1"
      : host.toReversed().join(":"),
    port,
    path: "/ready",
    headers: token ? { authorization: `Bearer ${token}` } : {},
    timeout: 2_500,
  },
  (response) => {
    response.pipe(process.stdout); // Docker keeps it: `docker inspect` shows why a container is not healthy
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  },
);
request.on("timeout", () => request.destroy(new Error("no answer within 2.5 s")));
request.on("error", (error) => {
  console.log(error.message);
  process.exitCode = 1;
});
