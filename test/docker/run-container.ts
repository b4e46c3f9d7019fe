import { onTestFinished, type TestContext } from "vitest";
import { type TempDirectory, tempDirectory } from "../helpers/temp-directory.ts";
import { imageOf } from "./build-images.ts";
import { docker } from "./docker.ts";

/** What removes things at a test's end; of tests that run side by side each has its own. */
type AtEnd = TestContext["onTestFinished"];

/**
 * Runs an image on the machine's own network until it ends or the test does, and returns the container's name.
 *
 * @param args options of `docker run`
 */
export async function runContainer(
  image: string,
  args: readonly string[],
  {
    command = [],
    atEnd = onTestFinished,
  }: { readonly command?: readonly string[]; readonly atEnd?: AtEnd } = {},
): Promise<string> {
  const all = [..."run -d --network host".split(" "), ...args, imageOf(image), ...command];
  const name = await docker(all);
  atEnd(async () => void (await docker(["rm", "-f", "-v", name])));
  return name;
}

/** A directory that goes with the test, which every user may read. */
export async function mountedDirectory(atEnd: AtEnd = onTestFinished): Promise<TempDirectory> {
  const directory = await tempDirectory();
  atEnd(() => directory.remove());
  return directory;
}
