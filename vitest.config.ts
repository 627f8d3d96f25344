import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These have a command of their own, test:peers.
    exclude: ["test/peers/**"],
    // One device a process; Dawn's bindings are safest in forks.
    pool: "forks",
    maxWorkers: 2,
    // Only what hangs should end by these: a machine may be slow, busy, and have every shader to compile.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
