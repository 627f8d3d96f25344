/** Shaders compiled before their first dispatch. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { relu } from "../../src/autograd/elementwise.ts";
import { Gpu, type Precompile } from "../../src/gpu/gpu.ts";
import type { Shader } from "../../src/gpu/shader.ts";
import { compile, compileAhead } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { openDawn } from "../../src/node/dawn.ts";
import { onceEach, precompiler } from "../../src/node/precompile.ts";
import { waitResting } from "../../src/node/wait.ts";

const dir = mkdtempSync(path.join(tmpdir(), "mganet-shaders-"));
const outer = process.env["MESA_SHADER_CACHE_DIR"];
process.env["MESA_SHADER_CACHE_DIR"] = dir;
afterAll(() => {
  process.env["MESA_SHADER_CACHE_DIR"] = outer;
  rmSync(dir, { recursive: true });
});

/** Bytes in the cache of the driver. */
function cached(folder = dir): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).blocks, 0);
}

function graphOf(channels: number) {
  const graph = new Graph();
  const weight = graph.input("weight", [3, 3, channels, channels]);
  let y = graph.input("x", [1, 8, 8, channels]);
  for (let i = 0; i < 3; i++) y = relu(conv2d(y, weight, undefined, { padding: 1 }));
  return { graph, options: { outputs: { y } } };
}

async function open(precompile: Precompile): Promise<Gpu> {
  const { adapter } = await openDawn();
  return Gpu.create(adapter, { wait: waitResting, precompile });
}

test("each distinct shader is handed over once, in the background or not, on software adapters", async () => {
  const calls: { shaders: readonly Shader[]; background: boolean }[] = [];
  const gpu = await open(onceEach((shaders, { background }) => Promise.resolve(calls.push({ shaders, background }))));
  const { graph, options } = graphOf(16);
  await compileAhead(gpu, graph, options);
  (await compile(gpu, graph, options)).destroy();
  const wider = graphOf(64);
  (await compile(gpu, wider.graph, wider.options)).destroy();
  if (gpu.caps.adapterClass === "software") {
    expect(calls.map(({ background, shaders }) => [background, shaders.length])).toEqual([
      [true, 2],
      [false, 1],
    ]);
    const texts = calls.flatMap(({ shaders }) => shaders.map(({ code }) => code));
    expect(new Set(texts).size).toBe(texts.length);
    expect(gpu.counters.pipelines).toBe(texts.length);
  } else expect(calls).toEqual([]);
  gpu.destroy();
});

test("the driver has compiled everything before the first dispatch, and results are the same", async () => {
  const before = cached();
  const gpu = await open(precompiler({}));
  const { graph, options } = graphOf(12);
  const plan = await compile(gpu, graph, options);
  expect(gpu.counters.submits).toBe(0);
  if (gpu.caps.adapterClass === "software") expect(cached()).toBeGreaterThan(before);
  const inputs = { x: new Float32Array(8 * 8 * 12).fill(1), weight: new Float32Array(9 * 12 * 12).fill(0.01) };
  const { y } = await plan.run(inputs);
  // In the middle, nine pixels of twelve channels with weights of a hundredth, three times.
  expect(y[(4 * 8 + 4) * 12]).toBeCloseTo(1.08 ** 3, 5);
  plan.destroy();
  gpu.destroy();
});

test("a shader that does not compile is left to the device that uses it; a closed device stops the work", async () => {
  const broken = { code: "fn main( {", bindings: 1, uniform: false, label: "broken" };
  await precompiler({})([broken], { background: false, signal: new AbortController().signal });
  const gpu = await open((_, { signal }) => {
    return new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const done = gpu.precompile([broken]);
  gpu.destroy();
  await done;
});
