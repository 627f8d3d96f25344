/** What `evaluate` says of a network's outputs: metrics as means over samples, whatever the batches. */
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { mul } from "../../src/autograd/arithmetic.ts";
import { scale } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { softmax } from "../../src/autograd/products.ts";
import { stream } from "../../src/data/random.ts";
import { accuracy, predictor, trainer } from "../../src/entries/train.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential } from "../../src/entries/nn.ts";
import { SGD } from "../../src/entries/optim.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const CLASSES = 3;

function batch(n: number, seed: number) {
  const random = stream(seed, 0);
  const image = Float32Array.from({ length: n * 40 }, () => random.next() / 2 ** 31 - 1);
  return { image, label: Uint32Array.from({ length: n }, (_, i) => (i + seed) % CLASSES) };
}

function make() {
  const layers = [new Conv2d(2, 4, 3, { padding: 1, bias: false }), new BatchNorm2d(4), new ReLU(), new Flatten()];
  const net = new Sequential(...layers, new Linear(80, CLASSES)).finish(4);
  const made = trainer(gpu(), net, {
    inputs: { image: [5, 4, 2], label: [] },
    loss({ image, label }) {
      const logits = net.forward(image);
      const cls = crossEntropy(logits, label);
      return { loss: scale(cls, 2), cls, outputs: { logits, probabilities: softmax(logits, 1) } };
    },
    optimizer: new SGD(net, { lr: 0.1 }),
  });
  onTestFinished(() => {
    made.destroy();
    net.release(gpu());
  });
  return { net, made };
}

const batches = [batch(7, 1), batch(7, 2), batch(3, 5)];

/** The share of right answers by hand, from what the predictor says of all samples at once. */
async function rightOf(net: Sequential): Promise<number> {
  using asked = predictor(gpu(), net, { input: [5, 4, 2] });
  const logits = await asked.predict(Float32Array.from(batches.flatMap(({ image }) => [...image])));
  const label = batches.flatMap(({ label }) => [...label]);
  const found = label.map((_, n) => {
    const own = [...logits.subarray(n * CLASSES, (n + 1) * CLASSES)];
    return own.indexOf(Math.max(...own));
  });
  return found.filter((k, n) => k === label[n]).length / label.length;
}

describe("metrics", () => {
  test("are means over samples, the smaller last batch included, beside the losses", async () => {
    const { net, made } = make();
    await made.fit(batches.slice(0, 2));
    const plain = await made.evaluate(batches);
    const found = await made.evaluate(batches, {
      metrics: {
        right: ({ logits }, { label }) => accuracy(logits, label),
        one: ({ probabilities }, { label }) => probabilities.reduce((a, b) => a + b) / label.length,
        size: (_, { label }) => label.length,
      },
    });
    expect(found.right).toBeCloseTo(await rightOf(net), 12);
    expect(found.right).toBeGreaterThan(1 / CLASSES);
    expect(found.one).toBeCloseTo(1, 5);
    expect(found.size).toBeCloseTo((7 * 7 + 7 * 7 + 3 * 3) / 17, 12);
    expect({ loss: found.loss, cls: found.cls, samples: found.samples }).toEqual(plain);
    expect(Object.keys(plain)).toEqual(["loss", "cls", "samples"]);
    expectTypeOf(found.right).toEqualTypeOf<number>();
    expectTypeOf(found.cls).toEqualTypeOf<number>();
    expectTypeOf<keyof typeof plain>().toEqualTypeOf<"loss" | "cls" | "samples">();
  });

  test("see the batch as it was given, though a generator fills its arrays again", async () => {
    const { net, made } = make();
    const [image, label] = [new Float32Array(280), new Uint32Array(7)];
    function* again() {
      for (const one of batches) {
        image.set(one.image);
        label.set(one.label);
        const n = one.label.length;
        yield { image: image.subarray(0, n * 40), label: label.subarray(0, n) };
      }
    }
    const { right } = await made.evaluate(again(), {
      metrics: { right: ({ logits }, { label }) => accuracy(logits, label) },
    });
    expect(right).toBeCloseTo(await rightOf(net), 12);
  });

  test("of an output without a name are given its values", async () => {
    const net = new Sequential(new Flatten(), new Linear(40, CLASSES)).finish(4);
    using made = trainer(gpu(), net, {
      inputs: { image: [5, 4, 2], label: [] },
      loss({ image, label }) {
        const logits = net.forward(image);
        return { loss: crossEntropy(logits, label), outputs: logits };
      },
      optimizer: new SGD(net, { lr: 0.1 }),
    });
    const seen: number[] = [];
    const { right, samples } = await made.evaluate(batches, {
      metrics: { right: (logits, { label }) => accuracy(logits, label) },
      onBatch(logits, { label }) {
        expectTypeOf(logits).toEqualTypeOf<Float32Array>();
        seen.push(logits.length / label.length);
      },
    });
    expect(seen).toEqual([3, 3, 3]);
    expect([right, samples]).toEqual([await rightOf(net), 17]);
    net.release(gpu());
  });
});

test("a term that only some batches have is the mean over the samples of those", async () => {
  const net = new Sequential(new Flatten(), new Linear(40, CLASSES)).finish(4);
  using made = trainer(gpu(), net, {
    inputs: { image: [5, 4, 2], label: [] },
    loss({ image, label }) {
      const loss = crossEntropy(net.forward(image), label);
      return label.shape[0] === 7 ? { loss, full: loss } : { loss };
    },
    optimizer: new SGD(net, { lr: 0 }),
  });
  const each = await Promise.all(batches.map(async (one) => (await made.evaluate([one])).loss));
  const [epoch] = await made.fit(batches);
  for (const means of [await made.evaluate(batches), epoch!] as { loss: number; full?: number; samples: number }[]) {
    expect(means.full).toBeCloseTo((each[0]! + each[1]!) / 2, 6);
    expect(means.loss).toBeCloseTo((7 * each[0]! + 7 * each[1]! + 3 * each[2]!) / 17, 6);
    expect(means.samples).toBe(17);
  }
  net.release(gpu());
});

test("outputs cost the training nothing, and change no bit of it", async () => {
  const { net, made } = make();
  const other = new Sequential(
    ...[new Conv2d(2, 4, 3, { padding: 1, bias: false }), new BatchNorm2d(4), new ReLU(), new Flatten()],
    new Linear(80, CLASSES),
  ).finish(4);
  using plain = trainer(gpu(), other, {
    inputs: { image: [5, 4, 2], label: [] },
    loss: ({ image, label }) => scale(crossEntropy(other.forward(image), label), 2),
    optimizer: new SGD(other, { lr: 0.1 }),
  });
  for (const one of batches) {
    const step = await made.step(one);
    expect(Object.keys(step)).toEqual(["loss", "cls"]);
    expect(step.loss).toBe((await plain.step(one)).loss);
  }
  expect(await net.stateDict(gpu())).toEqual(await other.stateDict(gpu()));
  other.release(gpu());
});

describe("what cannot be meant is refused", () => {
  test.each<[string, unknown, string]>([
    ["of a term's name", { metrics: { cls: () => 0 } }, "evaluate: the metric cls has the name of a term of the loss"],
    ["called loss", { metrics: { loss: () => 0 } }, "evaluate: a metric cannot be called loss"],
    ["called samples", { metrics: { samples: () => 0 } }, "evaluate: a metric cannot be called samples"],
    [
      "that is no function",
      { metrics: { right: 3 } },
      "the metric right must be a function of outputs and batch, got a Number",
    ],
    [
      "that gives a promise",
      { metrics: { right: () => Promise.resolve(1) } },
      "the metric right gave a Promise (not awaited), expected a number",
    ],
    ["in an array", { metrics: ["accuracy"] }, "evaluate: metrics are an object of functions by name, got an Array"],
    ["by another option", { metric: {} }, "evaluate: unknown option metric; the options are metrics, onBatch"],
    ["that is an onBatch", { onBatch: 3 }, "evaluate: onBatch must be a function of outputs and batch, got a Number"],
  ])("a metric %s", async (_, options, message) => {
    const { made } = make();
    await expect(made.evaluate(batches, options as never)).rejects.toThrow(message);
  });

  test("metrics of a loss without outputs, and outputs that are none", async () => {
    const net = new Sequential(new Flatten(), new Linear(40, CLASSES)).finish(4);
    const inputs = { image: [5, 4, 2], label: [] } as const;
    const optimizer = new SGD(net, { lr: 0.1 });
    using alone = trainer(gpu(), net, {
      inputs,
      loss: ({ image, label }) => crossEntropy(net.forward(image), label),
      optimizer,
    });
    await expect(alone.evaluate(batches, { metrics: { right: () => 1 } })).rejects.toThrow(
      "evaluate: metrics need the network's outputs: return them from loss, as in { loss: crossEntropy(logits, label), outputs: logits }",
    );
    const wrong: [unknown, string][] = [
      [3, "trainer: outputs: the network gives a Number, not a tensor"],
      [{ logits: 3 }, "trainer: outputs: the network gives a Number as logits, not a tensor"],
      [[], "trainer: outputs: the network gives an Array, not a tensor"],
      [{}, "trainer: outputs: the network gives no tensor"],
    ];
    for (const [outputs, message] of wrong) {
      using made = trainer(gpu(), net, {
        inputs,
        loss: ({ image, label }) => ({ loss: crossEntropy(net.forward(image), label), outputs: outputs as never }),
        optimizer,
      });
      await expect(made.step(batch(2, 1))).rejects.toThrow(message);
    }
    using summed = trainer(gpu(), net, {
      inputs,
      loss({ image, label }) {
        const logits = net.forward(image);
        return { loss: crossEntropy(logits, label), logits: mul(logits, 2) };
      },
      optimizer,
    });
    await expect(summed.step(batch(2, 1))).rejects.toThrow(
      "got 6 values for logits; what the network gives for each sample goes under outputs",
    );
    for (const name of ["samples", "epoch", "seconds", "guard"]) {
      using made = trainer(gpu(), net, {
        inputs,
        loss({ image, label }) {
          const loss = crossEntropy(net.forward(image), label);
          return { loss, [name]: loss };
        },
        optimizer,
      });
      await expect(made.step(batch(2, 1))).rejects.toThrow(`trainer: a term of the loss cannot be called ${name}`);
    }
    net.release(gpu());
  });
});

test("accuracy counts the largest logit, and nothing where one is no number", () => {
  const label = Uint32Array.of(1, 0, 2, 0);
  const logits = Float32Array.of(0, 1, 0, 0, 1, 0, -3, -2, -1, NaN, 1, 0);
  expect(accuracy(logits, label)).toBe(0.5);
  expect(() => accuracy(logits.subarray(1), label)).toThrow("accuracy: 11 logits are not as many for each of 4 labels");
  expect(() => accuracy(logits, label.subarray(0, 0))).toThrow(
    "accuracy: 12 logits are not as many for each of 0 labels",
  );
  const many = 300_000;
  const wide = new Float32Array(2 * many);
  wide[many - 1] = wide[many + 5] = 1;
  expect(accuracy(wide, Uint32Array.of(many - 1, 6))).toBe(0.5);
});
