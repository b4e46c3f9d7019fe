import { defineConfig } from "vitest/config";

/** The tests of the images. They take an engine and minutes, so they are not among the others. */
export default defineConfig({
  test: {
    include: ["test/docker/**/*.test.ts"],
    globalSetup: "./test/docker/build-images.ts",
    pool: "forks",
    maxWorkers: 4, // most of the time a test waits for containers
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: ["default", "./test/helpers/count-reporter.ts"],
  },
});
