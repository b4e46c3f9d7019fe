import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/docker/**"], // these take an engine: npm run test:docker
    pool: "forks",
    maxWorkers: 4, // most of the time a test waits for other programs
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/helpers/count-reporter.ts"],
    coverage: { include: ["src/**"] },
  },
});
