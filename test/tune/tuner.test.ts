import { expect, test } from "vitest";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { setChoice } from "../../src/graph/choice.ts";
import { compile } from "../../src/graph/compile.ts";
import { kernelsOf } from "../../src/graph/preview.ts";
import { Graph } from "../../src/graph/graph.ts";
import { conv2dForward, conv2dShape } from "../../src/kernels/conv2d.ts";
import { unitsOf } from "../../src/tune/key.ts";
import { TuningRecord } from "../../src/tune/record.ts";
import { tasksOf, tune } from "../../src/tune/tuner.ts";
import { useGpu } from "../support/gpu.ts";
import { good, kernelOf, plain, variant } from "./support.ts";

const gpu = useGpu();
const limited = useGpu({ maxBindingBytes: 2 ** 27 });
const wrong = variant("wrong", "y[i] = 3.0 * x[i];");

test("a winner is recorded, and everything that is compiled then uses it", async () => {
  const graph = new Graph();
  const x = graph.input("x", [3, 8, 8, 4]);
  const y = conv2d(x, graph.input("w", [3, 3, 4, 8]), undefined, { padding: 1 });
  const options = { outputs: { y } };
  const variants = async (more = {}) => {
    const plan = await compile(gpu(), graph, { ...options, ...more });
    plan.destroy();
    return [...new Set(plan.steps.map((step) => step.variant))];
  };
  const [fixed] = await variants();
  const record = new TuningRecord(gpu());
  const tasks = tasksOf(gpu(), kernelsOf(graph, options));
  const { results, failed, left } = await tune(gpu(), tasks, record, { seconds: 20 });
  expect([results.length, failed, left]).toEqual([1, [], []]);
  expect(results[0]!.variants.length).toBeGreaterThan(1);
  // All agree with the plain one, but for those that the estimate kept from running.
  const [ran, unlikely] = [true, false].map((run) =>
    results[0]!.variants.filter((v) => (v.error !== undefined) === run),
  );
  expect(ran!.length).toBeGreaterThan(1);
  expect(ran!.filter(({ error }) => !(error! < 1e-4))).toEqual([]);
  expect(unlikely!.filter(({ out }) => !/^estimated to take more than 3 times/.test(out?.reason ?? ""))).toEqual([]);
  // Whoever has won: the record has its way, for the device or for one graph, and --no-tuned has too.
  record.add({ label: tasks[0]!.label, code: tasks[0]!.code, units: 3, variant: "plain" });
  setChoice(gpu(), record.choice(gpu()));
  expect(await variants()).toEqual(["plain"]);
  expect(await variants({ choice: () => undefined })).toEqual([fixed]);
  setChoice(gpu(), undefined);
  expect(await variants()).toEqual([fixed]);
  expect(await variants({ choice: record.choice(gpu()) })).toEqual(["plain"]);
  expect(await variants({ plain: true, choice: () => undefined })).toEqual(["plain"]);
});

test("kernels without a choice are no tasks, equal ones are one, and the one with the most work is first", () => {
  const conv = (n: number, size: number, stride = 1) =>
    conv2dForward(conv2dShape([n, size, size, 8], [3, 3, 8, 8], { padding: 1, stride }));
  const kernels = [conv(2, 8), kernelOf([plain]), conv(2, 16), conv(2, 8), conv(2, 8, 2)];
  const tasks = tasksOf(gpu(), kernels);
  expect(tasks.map(({ kernel, calls }) => [kernel.inputs[0]!.shape[1], kernel.outputs[0]!.shape[1], calls])).toEqual([
    [16, 16, 1],
    [8, 8, 2],
    [8, 4, 1],
  ]);
});

test("of a large batch as few images are measured as tell variants apart", () => {
  const kernel = conv2dForward(conv2dShape([32, 56, 56, 64], [3, 3, 64, 64], { padding: 1 }));
  const [task] = tasksOf(gpu(), [kernel]);
  expect(task!.wanted).toBe(32);
  if (gpu().caps.adapterClass !== "software") return;
  expect(unitsOf(task!.kernel)).toBeLessThan(8);
  expect(task!.kernel.inputs[0]!.shape[0]).toBe(unitsOf(task!.kernel));
});

test("of a matrix larger than a binding the parts are tuned, by which it is computed", () => {
  const kernel = conv2dForward(conv2dShape([2, 1, 1, 25088], [1, 1, 25088, 4096]), { bias: true });
  const tasks = tasksOf(limited(), [kernel]);
  const rows = tasks.map((task) => [task.kernel.inputs[1]!.shape[2], task.kernel.inputs.length]);
  expect(rows.sort((a, b) => a[1]! - b[1]!)).toEqual(
    gpu().caps.subgroupSize === undefined
      ? rows
      : [
          [6272, 2],
          [6272, 3],
        ],
  );
});

test("what is wrong is reported and not recorded, what fails is told, and time that is up leaves the rest", async () => {
  const broken = variant("plain", "y[i] = no WGSL;");
  const kernels = [
    { ...kernelOf([wrong, good, plain]), flops: 3e6 },
    { ...kernelOf([good, broken]), name: "broken", flops: 2e6 },
    { ...kernelOf([good, plain]), name: "last", flops: 1e6 },
  ];
  const tasks = tasksOf(gpu(), kernels);
  const record = new TuningRecord(gpu());
  const whole = await tune(gpu(), tasks, record, { seconds: 20 });
  expect(whole.results.map(({ winner, task }) => [task.kernel.name, winner])).toEqual([
    ["twice", "good"],
    ["last", "good"],
  ]);
  expect(whole.results[0]!.variants[0]).toMatchObject({ variant: "wrong", out: { why: "wrong" } });
  expect(whole.failed).toMatchObject([{ task: { kernel: { name: "broken" } } }]);
  expect(record.size).toBe(2);
  expect(record.winner(gpu(), kernels[0]!)).toBe("good");
  expect(record.winner(gpu(), kernels[1]!)).toBeUndefined();

  const empty = new TuningRecord(gpu());
  const none = await tune(gpu(), tasks, empty, { seconds: -1 });
  expect([none.results, none.left.length, empty.size]).toEqual([[], 3, 0]);
  const controller = new AbortController();
  const onTask = (done: number) => {
    if (done === 0) controller.abort();
  };
  const one = await tune(gpu(), tasks, empty, { seconds: 20, signal: controller.signal, onTask });
  expect([one.results.length, one.left.length, empty.size]).toEqual([1, 2, 1]);
});

test("a kernel too large for the adapter fails by itself", async () => {
  const huge = { ...kernelOf([good, plain]), name: "huge", outputs: [{ shape: [2 ** 40], dtype: "f32" as const }] };
  const { failed, results } = await tune(
    gpu(),
    tasksOf(gpu(), [huge, kernelOf([good, plain])]),
    new TuningRecord(gpu()),
    { seconds: 20 },
  );
  expect(failed).toMatchObject([{ reason: expect.stringMatching(/an operand takes/) as string }]);
  expect(results.length).toBe(1);
  expect(() => gpu().check()).not.toThrow();
});
