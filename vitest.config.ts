import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These have a command of their own, test:peers.
    exclude: ["test/peers/**"],
    // One device a process; Dawn's bindings are safest in forks.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
