import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { u32, update, type Kernel, type Lowering } from "../../src/kernels/kernel.ts";
import { BenchError } from "../../src/tune/bench.ts";
import { RandomData } from "../../src/tune/random-data.ts";
import { distance, runTrial } from "../../src/tune/trial.ts";
import { useGpu } from "../support/gpu.ts";
import { dawdle, good, ITEMS, kernelOf, plain, variant } from "./support.ts";

const SECONDS = 0.2;

describe.each([
  ["by timestamps", useGpu()],
  ["by submits", useGpu({ without: ["timestamp-query"] })],
])("a contest timed %s", (_, gpu) => {
  let data: RandomData;
  beforeAll(() => {
    data = new RandomData(gpu());
  });
  afterAll(() => data.destroy());
  const contest = async (variants: readonly Lowering[], more?: Partial<Kernel>) => {
    const { variants: results, winner } = await runTrial(gpu(), kernelOf(variants, more), data, SECONDS);
    return { winner, results: Object.fromEntries(results.map((r) => [r.variant, r])) };
  };

  test("is won by the fastest, wherever it stands", async () => {
    const slow = variant("slow", `${dawdle} y[i] = 2.0 * x[i];`);
    const { winner, results } = await contest([slow, good, plain]);
    expect(winner).toBe("good");
    expect(results["good"]).toMatchObject({ error: 0, out: undefined });
    expect(results["slow"]).toMatchObject({ error: 0, out: { why: "slow" } });
    expect(results["slow"]!.ms!).toBeGreaterThan(4 * results["good"]!.ms!);
  });

  test("is not won by one that is no faster than the first", async () => {
    const same = variant("same", "y[i] = x[i] * 2.0;");
    const { winner, results } = await contest([good, same, plain]);
    // They are equally fast: what is measured between them is noise, and that must not decide.
    if (Math.abs(results["same"]!.ms! / results["good"]!.ms! - 1) < 0.03) expect(winner).toBe("good");
    expect(results["good"]!.samples).toBeGreaterThanOrEqual(5);
    expect(results["same"]!.samples).toBe(results["good"]!.samples);
  });

  test.each([
    ["computes something else", "y[i] = 3.0 * x[i];"],
    ["is a little off everywhere", "y[i] = 2.001 * x[i];"],
    ["is off in one element of many", "y[i] = select(2.0, 4.0, i == 7777u) * x[i];"],
    ["leaves an element out", "if (i != 123u) { y[i] = 2.0 * x[i]; }"],
    ["writes nothing", "if (x[i] > 9.0) { y[i] = 0.0; }"],
    ["yields a value that is not finite", "y[i] = 2.0 * x[i] / select(1.0, 0.0, i == 5u);"],
  ])("is never won by one that %s, however fast", async (_, body) => {
    const { winner, results } = await contest([variant("wrong", body), plain]);
    expect(winner).toBe("plain");
    expect(results["wrong"]!.error).toBeGreaterThan(1e-4);
    expect(results["wrong"]).toMatchObject({ samples: 0, ms: undefined, out: { why: "wrong" } });
    expect(results["wrong"]!.out!.reason).toMatch(/^relative error .*, at most 1e-4 is allowed$/);
  });

  test("allows the rounding that the kernel allows", async () => {
    const rounded = variant("rounded", "y[i] = 2.00001 * x[i];");
    expect(await contest([rounded, plain])).toMatchObject({ winner: "rounded" });
    const strict = await contest([rounded, plain], { tolerance: 1e-6 });
    expect(strict).toMatchObject({ winner: "plain", results: { rounded: { out: { why: "wrong" } } } });
  });

  test("is not won by one that takes scratch memory for zeros", async () => {
    const clean = variant("clean", "s0[i] = x[i]; y[i] = s0[i] + x[i];", { extra: 1 });
    const sloppy = variant("sloppy", "s0[i] += x[i]; y[i] = s0[i] + x[i];", { extra: 1 });
    expect((await contest([clean, plain])).winner).toBe("clean");
    expect((await contest([sloppy, plain])).winner).toBe("plain");
  });

  test("goes on without those that the adapter refuses, and the device stays whole", async () => {
    const broken = variant("broken", "y[i] = this is no WGSL;");
    const many = variant("many", "y[i] = 2.0 * x[i];", { extra: 40 });
    const far: Lowering = {
      ...good,
      variant: "far",
      dispatches: [{ ...good.dispatches[0]!, workgroups: [1 << 20, 1, 1] }],
    };
    const huge: Lowering = { ...good, variant: "huge", scratch: [2 ** 50] };
    const { winner, results } = await contest([broken, many, far, huge, good, plain]);
    expect(winner).toBe("good");
    for (const name of ["broken", "many", "far", "huge"]) expect(results[name]!.out!.why, name).toBe("refused");
    expect(results["broken"]!.out!.reason).toMatch(/parsing WGSL/);
    expect(results["many"]!.out!.reason).toMatch(/42 storage buffers/);
    expect(() => gpu().check()).not.toThrow();
  });

  test("says nothing where the plain variant does not run", async () => {
    const broken = variant("plain", "y[i] = this is no WGSL either;");
    await expect(contest([good, broken])).rejects.toThrow(BenchError);
    expect(() => gpu().check()).not.toThrow();
  });

  test("looks at what is updated in place, from the same values each time", async () => {
    const inPlace = (name: string, body: string): Lowering => {
      const { dispatches, ...rest } = variant(name, body);
      const [dispatch] = dispatches;
      return { ...rest, dispatches: [{ ...dispatch!, bindings: [dispatch!.bindings[0]!, update(0)] }] };
    };
    const x = kernelOf([]).inputs[0]!;
    const more = { outputs: [], updates: [x] };
    const right = inPlace("right", "y[i] += x[i];");
    const wrong = inPlace("wrong", "y[i] += 2.0 * x[i];");
    const plain = inPlace("plain", `${dawdle} y[i] = y[i] + x[i];`);
    const { winner, results } = await contest([wrong, right, plain], more);
    expect(winner).toBe("right");
    expect(results).toMatchObject({ wrong: { out: { why: "wrong" } }, right: { error: 0 } });
  });

  test("compares integers one by one", async () => {
    const outputs = [u32(ITEMS)];
    const index = (name: string, body: string): Lowering => {
      const { dispatches, ...rest } = variant(name, body);
      const code = dispatches[0]!.code.replace("y: array<f32>", "y: array<u32>");
      return { ...rest, dispatches: [{ ...dispatches[0]!, code }] };
    };
    const plain = index("plain", `${dawdle} y[i] = i + u32(x[i] > 0.0);`);
    const right = index("right", "y[i] = select(i, i + 1u, x[i] > 0.0);");
    const wrong = index("wrong", "y[i] = i + u32(x[i] > 0.9);");
    const { winner, results } = await contest([wrong, right, plain], { outputs });
    expect(winner).toBe("right");
    expect(results["wrong"]!.error).toBeGreaterThan(0.1);
  });
});

test("distances", () => {
  const f = (...values: number[]) => Float32Array.from(values);
  expect(distance([f(1, 2)], [f(1, 2)])).toBe(0);
  expect(distance([f(3, 4.5)], [f(3, 4)])).toBe(0.1);
  expect(distance([f(1), f(2)], [f(1), f(1)])).toBe(1);
  expect(distance([f(0.5, 0)], [f(0, 0)])).toBe(0.5);
  for (const bad of [NaN, Infinity]) {
    expect(distance([f(1, bad)], [f(1, 2)])).toBe(Infinity);
    expect(distance([f(1, 2)], [f(1, bad)])).toBe(Infinity);
    expect(distance([f(1, bad)], [f(1, bad)])).toBe(0);
  }
  expect(distance([Uint32Array.of(1, 2, 3, 4)], [Uint32Array.of(1, 2, 0, 4)])).toBe(0.25);
});
