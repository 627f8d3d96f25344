/** Dropout's random numbers: the known answers, the same masks in parts, and where nothing is dropped. */
import { describe, expect, test } from "vitest";
import { philox } from "../../shaders/lib/philox.ts";
import { bindings } from "../../shaders/lib/thread.ts";
import { dropout, dropScale, stochasticDepth, type Drop } from "../../src/autograd/dropout.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { f32, input, output, u32, type Kernel } from "../../src/kernels/kernel.ts";
import { single } from "../../src/kernels/per-thread.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const limited = useGpu({ maxBindingBytes: 4096 });

/** A plan returns f32 only: the lower halves of the words, then the upper ones. */
const philoxKernel: Kernel = {
  name: "philox",
  inputs: [u32(6)],
  outputs: [f32(8)],
  updates: [],
  flops: 0,
  lower: () => [
    single("plain", {
      label: "philox",
      code: `${bindings(["given", "u32"], ["halves", "vec4f"])}
${philox}
@compute @workgroup_size(1) fn main() {
  let words = philox(vec4u(given[0], given[1], given[2], given[3]), vec2u(given[4], given[5]));
  halves[0] = vec4f(words & vec4u(0xffffu));
  halves[1] = vec4f(words >> vec4u(16u));
}`,
      bindings: [input(0), output(0)],
      workgroups: [1, 1, 1],
    }),
  ],
};

// Known answers of Random123's kat_vectors: counter and key.
test.each([
  [Array<number>(6).fill(0), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
  [Array<number>(6).fill(0xffffffff), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
])("philox4x32-10 of %j", async (given, words) => {
  const graph = new Graph();
  const [y] = graph.record(philoxKernel, [graph.input("given", [6], "u32")]);
  const plan = await compile(gpu(), graph, { outputs: { y: y! } });
  const { y: halves } = await plan.run({ given: Uint32Array.from(given) });
  expect(words.map((_, i) => halves[i]! + 2 ** 16 * halves[4 + i]!)).toEqual(words);
  plan.destroy();
});

/** The factors of two steps with the same plan. */
async function factors(on: ReturnType<typeof gpu>, n: number, features: number, drop: Drop, steps: readonly number[]) {
  const graph = new Graph({ training: true });
  const step = graph.input("step", [1], "u32");
  const y = dropScale(n, features, { ...drop, step });
  const plan = await compile(on, graph, { outputs: { y } });
  const found: Float32Array[] = [];
  for (const number of steps) found.push((await plan.run({ step: Uint32Array.of(number) }))["y"]);
  const dispatches = plan.steps.length;
  plan.destroy();
  return { found, dispatches };
}

test("known masks, by the step that is fed", async () => {
  const { found } = await factors(gpu(), 2, 12, { p: 0.5, layer: 0, seed: 1 }, [1, 2]);
  expect(found.map((y) => y.map((v) => v / 2).join(""))).toEqual([
    "110010011011000111010110",
    "100011010010100110101001",
  ]);
  const { found: rows } = await factors(gpu(), 16, 1, { p: 0.2, layer: 23, seed: 7 }, [450]);
  expect(rows[0]).toEqual(Float32Array.from("1110101101111111", (bit) => Number(bit) * Math.fround(1 / 0.8)));
});

// 64 samples of 24 values take 6 KiB; 300 of 7 begin at offsets that need steps of 64.
test.each([
  [64, 24],
  [300, 7],
  [2000, 1],
])("%i samples of %i values have the same masks in parts", async (n, features) => {
  const drop = { p: 0.3, layer: 2, seed: 5 };
  const whole = await factors(gpu(), n, features, drop, [3]);
  const cut = await factors(limited(), n, features, drop, [3]);
  expect(cut.dispatches).toBeGreaterThan(whole.dispatches);
  expect(cut.found).toEqual(whole.found);
});

describe.each([
  ["dropout", dropout],
  ["stochasticDepth", stochasticDepth],
] as const)("%s", (_, op) => {
  const drop = { p: 0.5, layer: 1, seed: 5 };

  test("is x where nothing is dropped", () => {
    const graph = new Graph({ training: true });
    const [x, step] = [graph.input("x", [2, 3]), graph.input("step", [1], "u32")];
    expect(op(x, drop)).toBe(x);
    expect(op(x, { ...drop, p: 0, step })).toBe(x);
    expect(op(x, { ...drop, step })).not.toBe(x);
    const inference = new Graph();
    const seen = inference.input("x", [2, 3]);
    expect(op(seen, { ...drop, step: inference.input("step", [1], "u32") })).toBe(seen);
  });

  test("gives in parts what it gives in one piece, as does its gradient", async () => {
    const run = async (on: ReturnType<typeof gpu>) => {
      const graph = new Graph({ training: true });
      const x = graph.input("x", [40, 4, 4, 4]);
      const y = op(x, { ...drop, step: graph.input("step", [1], "u32") });
      const [dx] = gradients(y, [x], graph.input("dy", x.shape));
      const plan = await compile(on, graph, { outputs: { y, dx: dx! } });
      const values = new Float32Array(x.size).map((_, i) => 1 + Math.sin(i));
      const out = await plan.run({ x: values, dy: values, step: Uint32Array.of(9) });
      plan.destroy();
      return out;
    };
    const whole = await run(gpu());
    expect(await run(limited())).toEqual(whole);
    expect(whole["dx"]).toEqual(whole["y"]);
    const share = whole["y"].filter((v) => v === 0).length / whole["y"].length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.2);
  });

  test.each([
    [{ p: 1 }, "p must be below 1, got 1"],
    [{ p: -0.1 }, "p must be a finite number of at least 0"],
    [{ p: NaN }, "p must be a finite number of at least 0"],
    [{ layer: -1 }, "layer must be a whole number of at least 0"],
    [{ layer: 2 ** 32 }, "layer must be below 2^32"],
    [{ seed: 0.5 }, "seed must be a whole number of at least 0"],
  ])("refuses %j", (wrong, message) => {
    const graph = new Graph({ training: true });
    const step = graph.input("step", [1], "u32");
    expect(() => op(graph.input("x", [2, 3]), { ...drop, step, ...wrong })).toThrow(message);
  });

  test("refuses a step of another type or shape, and unknown options", () => {
    const graph = new Graph({ training: true });
    const x = graph.input("x", [2, 3]);
    expect(() => op(x, { ...drop, step: graph.input("float", [1]) })).toThrow("step must be u32 [1], got [1]");
    expect(() => op(x, { ...drop, step: graph.input("two", [2], "u32") })).toThrow("step must be u32 [1], got u32 [2]");
    expect(() => op(x, { ...drop, rate: 1 } as Drop)).toThrow(
      "unknown option rate; the options are p, layer, seed, step",
    );
  });
});
