import { expect, onTestFinished, test, vi } from "vitest";
import { contest, type BenchContext } from "../../bench/contest.ts";
import { openGpu } from "../../src/node/open-gpu.ts";

/** benchmark.js by a clock that only the contestants move: a busy machine's would say something else each time. */
vi.mock("benchmark", () => ({
  default: class {
    readonly stats = { sample: [] as number[] };
    readonly #options: { fn(deferred: { resolve(): void }): void; onComplete(): void };
    constructor(options: { fn(deferred: { resolve(): void }): void; onComplete(): void }) {
      this.#options = options;
    }
    run(): void {
      const begun = performance.now();
      const resolve = () => {
        this.stats.sample.push((performance.now() - begun) / 1000);
        this.#options.onComplete();
      };
      this.#options.fn({ resolve });
    }
  },
}));

test("a validation error ends the benchmark", async () => {
  const gpu = await openGpu();
  const context: BenchContext = {
    gpu,
    peak: 10,
    bandwidth: 5,
    peers: [],
    rounds: 3,
    budgetMs: 100,
    thorough: true,
    say: () => {},
  };
  let runs = 0;
  const entry = {
    run: async () => {
      if (++runs > 3) gpu.device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
      await gpu.device.queue.onSubmittedWorkDone();
    },
    destroy: () => {},
  };
  const what = { name: "kernel/x", group: "kernel", batch: 1, flops: 0 } as const;
  await expect(contest(context, what, entry, () => Promise.resolve(undefined))).rejects.toThrow(/usage/i);
  gpu.destroy();
});

test("samples are of one run, and few where the time does not suffice for more", async () => {
  const gpu = await openGpu();
  const context: BenchContext = {
    gpu,
    peak: 10,
    bandwidth: 5,
    peers: [],
    rounds: 50,
    budgetMs: 100,
    thorough: true,
    say: () => {},
  };
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  const waiting = (ms: number) => ({
    run: (times: number) => Promise.resolve(void (now += times * ms)),
    destroy: () => {},
  });
  const what = { name: "kernel/x", group: "kernel", batch: undefined, flops: 1e9 } as const;
  const peer = (name: string) => ({ name, version: "1" });
  const peers = [peer("slow"), peer("absent")];
  const result = await contest({ ...context, peers }, what, waiting(4), ({ name }) => {
    return Promise.resolve(name === "slow" ? waiting(20) : undefined);
  });
  expect(result.rounds).toBe(3);
  expect(result.ours.medianMs).toBeCloseTo(4);
  expect(Object.keys(result.peers)).toEqual(["slow"]);
  expect(result.ratios["slow"]).toBeCloseTo(5);
  expect(result.ours.gflops).toBeCloseTo(1e9 / result.ours.medianMs / 1e6);
  expect(result).not.toHaveProperty("batch");
  gpu.destroy();
});
