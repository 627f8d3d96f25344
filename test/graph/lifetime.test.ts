/** Using something destroyed gives one clear error; everything else keeps working. */
import { describe, expect, test } from "vitest";
import { add } from "../../src/autograd/elementwise.ts";
import { batchNorm2d } from "../../src/autograd/batchnorm.ts";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import { compile, PlanError } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { profilePlan } from "../../src/graph/profile.ts";
import { readVariable, releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { Variable } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/layers.ts";
import { slabsOf } from "../../src/optim/adam.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { openDawn } from "../../src/node/dawn.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const x = Float32Array.of(1, 2, 3);

async function adding(on: Gpu, variable: Variable, frozen = false) {
  const graph = new Graph();
  return compile(on, graph, { outputs: { y: add(graph.input("x", [3]), variable) }, frozen });
}

describe("a plan after its destruction", () => {
  test("says so, in every way of use, and other plans go on", async () => {
    const variable = new Variable("weight", [3], Float32Array.of(1, 1, 1));
    const [gone, other] = [await adding(gpu(), variable), await adding(gpu(), variable)];
    await gone.run({ x });
    gone.destroy();
    gone.destroy();
    for (const use of [
      () => gone.run({ x }),
      () => Promise.resolve().then(() => gone.upload({ x })),
      () => gone.firstNonFinite({ x }),
      () => profilePlan(gpu(), gone, { x }),
    ]) {
      await expect(use()).rejects.toThrow(PlanError);
      await expect(use()).rejects.toThrow("the plan was destroyed; compile the graph again to run it");
    }
    expect([...(await other.run({ x })).y]).toEqual([2, 3, 4]);
    other.destroy();
    gpu().check();
  });

  test("also says so where it was running", async () => {
    const plan = await adding(gpu(), new Variable("weight", [3]));
    const running = plan.run({ x });
    await Promise.resolve();
    plan.destroy();
    await expect(running).rejects.toThrow(/^the plan was destroyed/);
    gpu().check();
  });
});

test.each([false, true])("a variable released under a plan, frozen: %s, ends that plan only", async (frozen) => {
  const [weight, kept] = [new Variable("weight", [3], x), new Variable("kept", [3], x)];
  const [gone, other] = [await adding(gpu(), weight, frozen), await adding(gpu(), kept, frozen)];
  await gone.run({ x });
  releaseVariables(gpu(), [weight]);
  for (let i = 0; i < 2; i++) {
    await expect(gone.run({ x })).rejects.toThrow(PlanError);
    await expect(gone.run({ x })).rejects.toThrow(
      "weight was released after the plan was compiled; compile the graph again to run it",
    );
    expect([...(await other.run({ x })).y]).toEqual([2, 4, 6]);
    // A later use begins anew, which is not what the old plan was compiled with.
    expect([...(await readVariable(gpu(), weight))]).toEqual([1, 2, 3]);
  }
  const again = await adding(gpu(), weight, frozen);
  expect([...(await again.run({ x })).y]).toEqual([2, 4, 6]);
  gpu().check();
});

test("a network released under a plan", async () => {
  const [net, other] = [new Linear(3, 2), new Linear(3, 2)];
  for (const linear of [net, other]) linear.finish(initialValues(0));
  slabsOf(net.parameters());
  const plans = await Promise.all(
    [net, other].map((linear) => {
      const graph = new Graph();
      return compile(gpu(), graph, { outputs: { y: linear.forward(graph.input("x", [1, 3])) }, frozen: true });
    }),
  );
  const expected = await plans[1]!.run({ x });
  expect(await plans[0]!.run({ x })).toEqual(expected);
  net.release(gpu());
  await expect(plans[0]!.run({ x })).rejects.toThrow("weight was released after the plan was compiled");
  expect(await plans[1]!.run({ x })).toEqual(expected);
  gpu().check();
});

test("a slab released by its flat variable ends plans of its parts", async () => {
  const linear = new Linear(3, 1);
  linear.finish(initialValues(0));
  const [slab] = slabsOf(linear.parameters());
  const graph = new Graph();
  const plan = await compile(gpu(), graph, { outputs: { y: linear.forward(graph.input("x", [1, 3])) } });
  await plan.run({ x });
  await readVariable(gpu(), slab!.flat);
  releaseVariables(gpu(), [slab!.flat]);
  await expect(plan.run({ x })).rejects.toThrow("weight was released");
  gpu().check();
});

test("a frozen plan sees whatever writes to its variables, and works nothing out again where nothing did", async () => {
  const graph = new Graph();
  const weight = new Variable("weight", [3, 3, 4, 8], new Float32Array(288).fill(0.25));
  const convolved = conv2d(graph.input("x", [1, 8, 8, 4]), weight, undefined, { padding: 1 });
  const eight = (value: number) => new Variable("of batchNorm", [8], new Float32Array(8).fill(value));
  // Becomes part of the convolution, whose weights are then worked out from these.
  const y = batchNorm2d(
    convolved,
    { weight: eight(1), bias: eight(0), runningMean: eight(0), runningVar: eight(1) },
    { eps: 0 },
  );
  const plan = await compile(gpu(), graph, { outputs: { y }, frozen: true });
  const inputs = { x: new Float32Array(256).fill(1) };
  const centre = async () => (await plan.run(inputs)).y[8 * 27];
  expect(await centre()).toBeCloseTo(9, 4);
  const { dispatches } = plan.summary;
  const dispatched = async () => {
    const before = gpu().counters.dispatches;
    await plan.run(inputs);
    return gpu().counters.dispatches - before;
  };
  expect(await dispatched()).toBe(dispatches);
  writeVariable(gpu(), new Variable("another", [3]), x);
  expect(await dispatched()).toBe(dispatches);
  writeVariable(gpu(), weight, new Float32Array(288).fill(0.5));
  expect(await dispatched()).toBeGreaterThan(dispatches);
  expect(await dispatched()).toBe(dispatches);
  expect(await centre()).toBeCloseTo(18, 4);
});

describe("a device after its destruction", () => {
  test("is named by whatever needs it", async () => {
    const on = await openGpu();
    const variable = new Variable("weight", [3], x);
    const plan = await adding(on, variable);
    await plan.run({ x });
    on.destroy();
    const uses: (() => Promise<unknown>)[] = [
      () => plan.run({ x }),
      () => adding(on, variable),
      () => readVariable(on, variable),
      () => Promise.resolve().then(() => writeVariable(on, variable, x)),
      () => on.idle(),
      () => Promise.resolve().then(() => on.check()),
    ];
    for (const use of uses) {
      await expect(use()).rejects.toThrow(GpuError);
      await expect(use()).rejects.toThrow("the device was destroyed: its Gpu's destroy() was called");
    }
    releaseVariables(on, [variable]);
    plan.destroy();
    const other = await adding(gpu(), variable);
    expect([...(await other.run({ x })).y]).toEqual([2, 4, 6]);
  });

  test("also where a plan was running", async () => {
    const on = await openGpu();
    const plan = await adding(on, new Variable("weight", [3]));
    const running = plan.run({ x });
    await Promise.resolve();
    on.destroy();
    await expect(running).rejects.toThrow("the device was destroyed");
  });
});

describe("no device", () => {
  test.each([null, undefined])("because there is no adapter: %s", async (adapter) => {
    await expect(Gpu.create(adapter)).rejects.toThrow(GpuError);
    await expect(Gpu.create(adapter)).rejects.toThrow(
      /^no GPU adapter: requestAdapter\(\) returned null\. In a browser, .*; on Node, use openGpu\(\) from mganet-webgpu\/node/,
    );
  });

  test("because the adapter has given one already", async () => {
    const { adapter } = await openDawn();
    const on = await Gpu.create(adapter);
    await expect(Gpu.create(adapter)).rejects.toThrow(
      /^the adapter returned no device \(it can be used only once\): ./,
    );
    on.destroy();
  });
});
