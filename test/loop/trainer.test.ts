/** Training a network of one's own: the same numbers as a step recorded by hand, whatever the size of the batch. */
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { relu, scale } from "../../src/autograd/elementwise.ts";
import { linear } from "../../src/autograd/conv2d.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { stream } from "../../src/data/random.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { DivergedError } from "../../src/loop/diverged.ts";
import { predictor } from "../../src/loop/predictor.ts";
import { trainer, type TrainerOptions } from "../../src/loop/trainer.ts";
import { initialValues } from "../../src/nn/init.ts";
import { ReLU } from "../../src/nn/activations.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { Adam } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

class Net extends Module {
  readonly conv = new Conv2d(2, 5, 3, { padding: 1, bias: false });
  readonly bn = new BatchNorm2d(5);
  readonly fc = new Linear(5, 3);

  constructor() {
    super();
    this.finish(initialValues(3));
  }

  forward(x: Tensor): Tensor {
    return this.fc.forward(globalAvgPool(relu(this.bn.forward(this.conv.forward(x)))));
  }
}

const inputs = { image: [7, 5, 2], label: [] } as const;

function batch(n: number, seed: number) {
  const random = stream(seed, 0);
  const image = Float32Array.from({ length: n * 70 }, () => random.next() / 2 ** 32);
  return { image, label: Uint32Array.from({ length: n }, (_, i) => (i + seed) % 3) };
}

const lossOf =
  (net: Net) =>
  ({ image, label }: { image: Tensor; label: Tensor }) =>
    crossEntropy(net.forward(image), label);

function make(options: Partial<TrainerOptions<typeof inputs, Tensor>> = {}) {
  const net = new Net();
  const optimizer = new Adam(net, { lr: 1e-2 });
  const made = trainer(gpu(), net, { inputs, loss: lossOf(net), optimizer, ...options });
  onTestFinished(() => {
    made.destroy();
    net.release(gpu());
  });
  return { net, optimizer, made };
}

/** The same by hand, one plan a batch. */
async function byHand(batches: readonly ReturnType<typeof batch>[], rates?: readonly number[]) {
  const net = new Net();
  const adam = new Adam(net, { lr: 1e-2 });
  const losses: number[] = [];
  for (const [i, { image, label }] of batches.entries()) {
    const graph = new Graph({ training: true });
    const n = label.length;
    const loss = lossOf(net)({ image: graph.input("image", [n, 7, 5, 2]), label: graph.input("label", [n], "u32") });
    using plan = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
    losses.push((await plan.run({ image, label, adam: adam.advance(rates?.[i]) })).loss[0]!);
  }
  const weights = await net.stateDict(gpu());
  net.release(gpu());
  return { losses, weights };
}

describe("fit", () => {
  test("takes the steps that a recording by hand takes, bit for bit, a smaller last batch included", async () => {
    const batches = [batch(4, 1), batch(4, 2), batch(3, 3), batch(4, 4), batch(1, 5)];
    const expected = await byHand(batches);
    const { net, made } = make();
    const losses: number[] = [];
    const numbers: number[] = [];
    const [epoch] = await made.fit(batches, {
      onStep({ loss }, step) {
        losses.push(loss);
        numbers.push(step);
      },
    });
    expect(losses).toEqual(expected.losses);
    // Each its own, though the next step has begun by then.
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
    expect(await net.stateDict(gpu())).toEqual(expected.weights);
    const sum = expected.losses.reduce((a, loss, i) => a + loss * batches[i]!.label.length, 0);
    expect(epoch).toMatchObject({ epoch: 1, samples: 16, loss: sum / 16 });
  });

  test("keeps the order of steps where one has to be compiled for and the next has not", async () => {
    const batches = [batch(4, 1), batch(2, 2), batch(4, 3)];
    const expected = await byHand(batches);
    const { made } = make();
    const results = await Promise.all(batches.map((one) => made.step(one)));
    expect(results.map(({ loss }) => loss)).toEqual(expected.losses);
  });

  test("goes over batches again for each epoch, at the schedule's rate, and stops when it is told to", async () => {
    const batches = [batch(4, 1), batch(2, 2)];
    const factors = [1, 0.5, 0.25, 0.125];
    const expected = await byHand(
      [...batches, ...batches],
      factors.map((factor) => factor * 1e-2),
    );
    const { net, made } = make({ schedule: (step) => factors[step]! });
    const controller = new AbortController();
    async function* load(epoch: number) {
      for (const one of batches) yield await Promise.resolve(one);
      expect(epoch).toBeLessThanOrEqual(2);
    }
    const onEpoch = ({ epoch }: { epoch: number }) => (epoch === 2 ? controller.abort() : undefined);
    const done = await made.fit(load, { epochs: 9, onEpoch, signal: controller.signal });
    expect(done.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(await net.stateDict(gpu())).toEqual(expected.weights);
  });

  test("takes a promise of an epoch's batches", async () => {
    const { made } = make();
    const done = await made.fit((epoch) => Promise.resolve([batch(4, epoch)]), { epochs: 2 });
    expect(done.map(({ samples }) => samples)).toEqual([4, 4]);
  });

  test("takes arrays that a generator fills again", async () => {
    const batches = [batch(4, 1), batch(4, 2), batch(4, 3)];
    const expected = await byHand(batches);
    const { made } = make();
    const losses: number[] = [];
    const reused = batch(4, 0);
    function* again() {
      for (const { image, label } of batches) {
        reused.image.set(image);
        reused.label.set(label);
        yield reused;
      }
    }
    await made.fit(again(), { onStep: ({ loss }) => void losses.push(loss) });
    expect(losses).toEqual(expected.losses);
    const each = [];
    for (const one of batches) each.push((await made.evaluate([one])).loss);
    expect((await made.evaluate(again())).loss).toBeCloseTo(each.reduce((a, b) => a + b) / 3, 12);
  });

  test("needs batches, and for several epochs more than an iterator", async () => {
    const { made } = make();
    await expect(made.fit([])).rejects.toThrow("fit: there are no batches");
    const once = [batch(4, 1)].values();
    await expect(made.fit(once, { epochs: 2 })).rejects.toThrow(
      "fit: an iterator gives its batches once, and there are 2 epochs: pass a function, as in (epoch) => batches()",
    );
    expect(await made.fit(once)).toHaveLength(1);
  });
});

describe("evaluate", () => {
  test("computes as in inference, changes nothing, and weighs batches by their samples", async () => {
    const { net, made } = make();
    await made.step(batch(4, 1));
    const before = await net.stateDict(gpu());
    const parts = [batch(4, 2), batch(1, 3)];
    const each = [];
    for (const part of parts) each.push(await made.evaluate([part]));
    const both = await made.evaluate(parts);
    expect(both.samples).toBe(5);
    expect(both.loss).toBeCloseTo((4 * each[0]!.loss + each[1]!.loss) / 5, 12);
    expect(await net.stateDict(gpu())).toEqual(before);
    const { loss } = await made.step(batch(1, 3));
    // By the batch's own statistics.
    expect(Math.abs(loss - each[1]!.loss)).toBeGreaterThan(1e-3);
    expect((await made.evaluate([batch(1, 3)])).loss).not.toBe(each[1]!.loss);
  });

  test("reports the terms of a loss by name", async () => {
    const net = new Net();
    const optimizer = new Adam(net);
    using made = trainer(gpu(), net, {
      inputs,
      optimizer,
      loss: ({ image, label }) => {
        const cls = crossEntropy(net.forward(image), label);
        return { loss: scale(cls, 2), cls };
      },
    });
    const { loss, cls } = await made.step(batch(4, 1));
    expect(loss).toBeCloseTo(2 * cls, 5);
    expectTypeOf(cls).toEqualTypeOf<number>();
    expect(Object.keys(await made.evaluate([batch(4, 1)]))).toEqual(["loss", "cls", "samples"]);
    net.release(gpu());
  });
});

test("a step that diverges says where, and changes nothing", async () => {
  const { net, made, optimizer } = make();
  await made.step(batch(4, 1));
  const before = await net.stateDict(gpu());
  const bad = batch(4, 2);
  bad.image[9] = Infinity;
  const failing = made.step(bad);
  await expect(failing).rejects.toThrow(DivergedError);
  await expect(failing).rejects.toThrow(
    "step 2: loss or gradients are not finite; the first non-finite tensor: input image",
  );
  const after = await net.stateDict(gpu());
  for (const [name, { data }] of before) {
    if (!name.includes("running")) expect(after.get(name)!.data, name).toEqual(data);
  }
  expect(optimizer.steps).toBe(1);
  // As in PyTorch, running statistics have taken the batch; what they come to is not hidden.
  expect(await made.evaluate([batch(4, 3)])).toEqual({ loss: NaN, samples: 4 });
});

test("NaN that arises within a network is not hidden by the ReLU behind it", async () => {
  const net = new Sequential(new Linear(1, 2), new Linear(2, 2), new ReLU(), new Linear(2, 2)).finish(0);
  const state = await net.stateDict(gpu());
  // Infinity minus infinity in the second layer.
  for (const name of ["0.weight", "1.weight"]) state.get(name)!.data.fill(1e30);
  state.get("1.weight")!.data[1] = -1e30;
  state.get("1.weight")!.data[3] = -1e30;
  net.loadStateDict(gpu(), state);
  const x = Float32Array.of(1e30);
  using training = trainer(gpu(), net, {
    inputs: { x: [1], label: [] },
    loss: ({ x, label }) => crossEntropy(net.forward(x), label),
    optimizer: new Adam(net),
  });
  await expect(training.step({ x, label: Uint32Array.of(1) })).rejects.toThrow(DivergedError);
  using asked = predictor(gpu(), net, { input: [1] });
  expect([...(await asked.predict(x))]).toEqual([NaN, NaN]);
  net.release(gpu());
});

test("many sizes at once are computed as one after another", async () => {
  const { made } = make();
  const sizes = [1, 2, 3, 4, 5, 6, 7];
  const each: number[] = [];
  for (const n of sizes) each.push((await made.evaluate([batch(n, n)])).loss);
  const together = await Promise.all(sizes.map((n) => made.evaluate([batch(n, n)])));
  expect(together.map(({ loss }) => loss)).toEqual(each);
});

describe("what cannot be meant is refused", () => {
  test.each([
    [{ image: new Float32Array(70) }, "step: the batch has no label"],
    [{ ...batch(2, 1), mask: new Float32Array(2) }, "step: the batch has mask, and the inputs are image, label"],
    [
      { ...batch(2, 1), image: new Float32Array(71) },
      "step: image holds 71 values, not a multiple of the 70 of one sample [7, 5, 2]",
    ],
    [{ ...batch(2, 1), label: new Uint32Array(3) }, "step: label holds 3 samples, and image 2"],
    [
      { ...batch(2, 1), label: new Uint8Array(2) },
      /label is a Uint8Array: pass a Float32Array, or a Uint32Array for classes/,
    ],
    [{ image: new Float32Array(0), label: new Uint32Array(0) }, /image holds 0 values/],
  ])("%#", async (given, message) => {
    const { made } = make();
    await expect(made.step(given as unknown as ReturnType<typeof batch>)).rejects.toThrow(message);
  });

  test("by the trainer", () => {
    const [net, other] = [new Net(), new Net()];
    const optimizer = new Adam(other);
    const loss = lossOf(net);
    expect(() => trainer(gpu(), net, { inputs, loss, optimizer })).toThrow(
      "trainer: the optimizer trains conv.weight, which is not part of the network",
    );
    expect(() => trainer(gpu(), {} as Net, { inputs, loss, optimizer })).toThrow(/expected a module as the network/);
    expect(() => trainer(gpu(), other, { inputs: {}, loss, optimizer } as never)).toThrow(
      /inputs must name the inputs/,
    );
    expect(() => trainer(gpu(), other, { inputs, loss, optimizer, lr: 1 } as never)).toThrow(/unknown option lr/);
  });

  test.each<[string, unknown, string]>([
    ["one batch", batch(2, 1), "got an Object; for a single batch, fit([batch])"],
    ["a promise of batches", Promise.resolve([batch(2, 1)]), "got a Promise (not awaited); await it first"],
    ["a function of a batch", () => batch(2, 1), "got an Object; for a single batch, fit([batch])"],
    ["a function of a function", () => () => [batch(2, 1)], "got a function; call it"],
    ["a text", "batches", "got a String"],
    ["nothing", undefined, "got undefined"],
  ])("by fit: %s", async (_, given, message) => {
    const { made } = make();
    await expect(made.fit(given as [])).rejects.toThrow(
      new TypeError(`fit: expected batches one after another, as in an array, ${message}`),
    );
  });

  test("by evaluate: one batch, and a function", async () => {
    const { made } = make();
    await expect(made.evaluate(batch(2, 1) as never)).rejects.toThrow(
      "evaluate: expected batches one after another, as in an array, got an Object; for a single batch, evaluate([batch])",
    );
    await expect(made.evaluate((() => [batch(2, 1)]) as never)).rejects.toThrow("got a function; call it");
  });

  test("a schedule that is no function, or gives no factor", async () => {
    for (const [schedule, kind] of [
      ["cosine", "a String"],
      [{ stepSize: 2 }, "an Object"],
      [0.5, "a Number"],
    ]) {
      expect(() => make({ schedule: schedule as never })).toThrow(
        `trainer: schedule must be a function of the step, such as stepLR({ stepSize: 100 }), got ${kind as string}`,
      );
    }
    for (const [value, shown] of [
      [undefined, "undefined"],
      [NaN, "NaN"],
      [-1, "-1"],
      ["1", "a String"],
    ]) {
      const { made, optimizer } = make({ schedule: () => value as never });
      await expect(made.step(batch(2, 1))).rejects.toThrow(
        `trainer: the schedule gave ${shown as string} for step 0, expected a factor of the learning rate, of at least 0`,
      );
      expect(optimizer.steps).toBe(0);
    }
  });

  test("NaN in a batch, of which a rectifier may make zero", async () => {
    const { made, optimizer } = make({});
    const wrong = batch(3, 1);
    wrong.image[wrong.image.length - 1] = NaN;
    await expect(made.step(wrong)).rejects.toThrow("image is NaN in sample 2 of the batch");
    await expect(made.evaluate([wrong])).rejects.toThrow("evaluate: image is NaN in sample 2 of the batch");
    expect(optimizer.steps).toBe(0);
  });

  test("a loss that is not one number", async () => {
    const { made } = make({ loss: ({ image }) => linear(globalAvgPool(image), make().net.fc.weight) });
    await expect(made.step(batch(2, 1))).rejects.toThrow();
  });
});
