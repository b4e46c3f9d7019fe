import { docker } from "./docker.ts";

/** Each image of ours by its Dockerfile's target, and the stand-ins for those of others. */
const TARGETS = [
  "fairlead",
  "fairlead-nginx",
  "fairlead-varnish",
  "docker-signal",
  "sample-service",
];
const STAND_INS = ["consul", "nginx", "varnish"];

/** The name under which the tests find an image. */
export const imageOf = (target: string): string => `fairlead-test/${target}`;

/** Builds all of them. What is the same in several is built once. */
export default async function buildImages(): Promise<void> {
  await build("docker/Dockerfile", "fairlead"); // with what the next ones share
  await Promise.all([
    ...TARGETS.slice(1).map((target) => build("docker/Dockerfile", target)),
    ...STAND_INS.map((target) => build("test/docker/Dockerfile", target)),
  ]);
}

async function build(file: string, target: string): Promise<void> {
  const tag = imageOf(target);
  await docker(["build", "--network", "host", "-f", file, "--target", target, "-t", tag, "."], {
    timeoutMs: 300_000,
  });
}
