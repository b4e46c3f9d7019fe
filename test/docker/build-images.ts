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
  await Promise.all([buildOurs(), ...STAND_INS.map((it) => build("test/docker/Dockerfile", it))]);
}

async function buildOurs(): Promise<void> {
  const [first = "", ...others] = TARGETS;
  await build("docker/Dockerfile", first); // with what the others share
  await Promise.all(others.map((target) => build("docker/Dockerfile", target)));
}

async function build(file: string, target: string): Promise<void> {
  const tag = imageOf(target);
  await docker(["build", "--network", "host", "-f", file, "--target", target, "-t", tag, "."], {
    timeoutMs: 300_000,
  });
}
