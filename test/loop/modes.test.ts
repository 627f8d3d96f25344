/** Parts in evaluation mode while others are trained, and penalties on weights, against PyTorch in float64. */
import { readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { add, mul } from "../../src/autograd/arithmetic.ts";
import { sum } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  GlobalAvgPool2d,
  Linear,
  Module,
  ReLU,
  Sequential,
} from "../../src/entries/nn.ts";
import { SGD } from "../../src/entries/optim.ts";
import { predictor, trainer } from "../../src/entries/train.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph, graphOf } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { StateDict } from "../../src/nn/module.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();
const file = "test/reference/data/modes.safetensors";
const { tensors, metadata } = parseSafetensors(readFileSync(file), file);
const floatsOf = (name: string) => tensors.get(name)!.data as Float32Array;

/** What five steps of SGD in float32 may be off. */
const BAR = 1e-5;

class Net extends Module {
  readonly conv1 = new Conv2d(2, 4, 3, { padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(4);
  readonly conv2 = new Conv2d(4, 6, 3, { padding: 1, bias: false });
  readonly bn2 = new BatchNorm2d(6);
  readonly fc = new Linear(6, 3);
  readonly rest = new Sequential(new ReLU(), new GlobalAvgPool2d(), new Flatten());

  forward(x: Tensor): Tensor {
    const first = this.bn1.forward(this.conv1.forward(x), { relu: true });
    return this.fc.forward(this.rest.forward(this.bn2.forward(this.conv2.forward(first))));
  }
}

const [steps, n, c, h, w] = tensors.get("image")!.shape as [number, number, number, number, number];
/** NCHW to NHWC. */
const batches = Array.from({ length: steps }, (_, step) => {
  const image = Float32Array.from({ length: n * c * h * w }, (_, i) => {
    const [channel, pixel] = [i % c, Math.floor(i / c)];
    const [sample, at] = [Math.floor(pixel / (h * w)), pixel % (h * w)];
    return floatsOf("image")[((step * n + sample) * c + channel) * h * w + at]!;
  });
  return { image, label: Uint32Array.from(tensors.get("label")!.data.slice(step * n, (step + 1) * n) as Int32Array) };
});
const stateAt = (prefix: string): StateDict =>
  new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { shape, data }]) => [name.slice(prefix.length), { shape, data: data as Float32Array }]),
  );

type LossOf = (net: Net, image: Tensor, label: Tensor) => Tensor;
const classified: LossOf = (net, image, label) => crossEntropy(net.forward(image), label);
const penalty = ({ conv1, fc }: Net) => [conv1.weight, fc.weight].map((weight) => sum(mul(weight, weight))).reduce(add);

interface Case {
  loss?: LossOf;
  trained?: readonly string[];
  /** Before a step, from 0. */
  changes?: Readonly<Record<number, (net: Net) => unknown>>;
}
/** As in test/reference/modes_reference.py. */
const cases: Readonly<Record<string, Case>> = {
  trained: {},
  "bn1-eval": { changes: { 0: (net) => net.bn1.eval() } },
  "all-eval": { changes: { 0: (net) => net.eval() } },
  "part-frozen": { trained: ["fc", "bn2"], changes: { 0: (net) => [net.conv1.eval(), net.bn1.train(false)] } },
  "only-statistics-move": { trained: ["fc"] },
  "changed-midway": { changes: { 2: (net) => net.eval(), 3: (net) => [net.train(), net.bn2.eval()] } },
  penalty: { loss: (net, image, label) => add(classified(net, image, label), mul(penalty(net), 0.05)) },
  "penalty-alone": { loss: penalty, trained: ["conv1", "fc.weight"] },
};

test("the cases are the reference's", () => {
  expect(Object.keys(cases)).toEqual(JSON.parse(metadata["cases"]!));
});

test.each(Object.entries(cases))("%s: losses, weights and statistics are PyTorch's", async (name, one) => {
  const { loss = classified, trained = [""], changes = {} } = one;
  const net = new Net().finish(0);
  net.loadStateDict(gpu(), stateAt("init."));
  const parameters = net.parameters().filter((p) => trained.some((begin) => p.name.startsWith(begin)));
  using made = trainer(gpu(), net, {
    inputs: { image: [h, w, c], label: [] },
    loss: ({ image, label }) => loss(net, image, label),
    optimizer: new SGD(parameters, { lr: Number(metadata["lr"]) }),
  });
  const losses: number[] = [];
  for (const [step, batch] of batches.entries()) {
    changes[step]?.(net);
    losses.push((await made.step(batch)).loss);
  }
  expect(relativeError(losses, floatsOf(`${name}.losses`))).toBeLessThanOrEqual(BAR);
  const [state, wanted] = [await net.stateDict(gpu()), stateAt(`${name}.after.`)];
  expect([...state.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [key, { data }] of wanted) {
    expect(relativeError(state.get(key)!.data, data), key).toBeLessThanOrEqual(BAR);
    const before = floatsOf(`init.${key}`);
    const isKept = data.every((value, i) => value === before[i]);
    expect(
      state.get(key)!.data.every((value, i) => value === before[i]),
      key,
    ).toBe(isKept);
  }
  expect(await made.evaluate(batches)).toMatchObject({ samples: steps * n });
  // In either mode, inference is the same.
  for (const mode of [true, false]) {
    net.train(mode);
    using asked = predictor(gpu(), net, { input: [h, w, c] });
    expect(relativeError(await asked.predict(batches[0]!.image), floatsOf(`${name}.logits`))).toBeLessThanOrEqual(BAR);
  }
  net.release(gpu());
});

describe("modes", () => {
  test("are those of all modules below, whatever holds them, and a part may have another", () => {
    const net = new Net().finish(0);
    expect(net.eval()).toBe(net);
    const inEval = () => [...net.namedModules()].filter(([, module]) => !module.training).map(([path]) => path);
    expect(inEval()).toEqual(["", "conv1", "bn1", "conv2", "bn2", "fc", "rest", "rest.0", "rest.1", "rest.2"]);
    net.rest.train();
    expect(inEval()).toEqual(["", "conv1", "bn1", "conv2", "bn2", "fc"]);
    net.train().bn1.train(false);
    expect(inEval()).toEqual(["bn1"]);
    expect(() => net.train("yes" as never)).toThrow("train: the mode is true or false, got a String");
  });

  test("hold for dropout too, and a layer without a path", async () => {
    const drop = new Dropout(0.5);
    const net = new Sequential(drop, new Linear(4, 2)).finish(0);
    const dropped = async () => {
      const graph = new Graph({ training: true });
      const y = drop.forward(graph.input("x", [8, 4]));
      if (y.source.kind === "input") return 0;
      using plan = await compile(gpu(), graph, { outputs: { y } });
      return (await plan.run({ x: new Float32Array(32).fill(1), step: Uint32Array.of(1) })).y.filter((v) => v === 0)
        .length;
    };
    expect(await dropped()).toBeGreaterThan(5);
    net.eval();
    expect(await dropped()).toBe(0);
    net.train();
    expect(await dropped()).toBeGreaterThan(5);
  });

  test("a part that another in evaluation mode applies keeps its own, as in PyTorch", () => {
    const graph = new Graph({ training: true });
    const seen: [string, boolean][] = [];
    const look = (name: string, inner?: (x: Tensor) => void) =>
      new (class extends Module {
        forward(x: Tensor): Tensor {
          return this.scoped(x, () => {
            inner?.(x);
            seen.push([name, graph.training]);
            return x;
          });
        }
      })();
    const inner = look("inner");
    const outer = look("outer", (x) => inner.forward(x)).eval();
    outer.forward(graph.input("x", [1]));
    inner.eval();
    outer.train().forward(graph.inputs.get("x")!);
    expect(seen).toEqual([["inner", true], ["outer", false], ["inner", false], ["outer", true]]); // prettier-ignore
    expect(graph.training).toBe(true);
  });

  test("of a step are those of its call, though they change while it waits or is compiled for", async () => {
    const run = async (isAwaited: boolean) => {
      const net = new Net().finish(0);
      using made = trainer(gpu(), net, {
        inputs: { image: [h, w, c], label: [] },
        loss: ({ image, label }) => classified(net, image, label),
        optimizer: new SGD(net, { lr: 0.1 }),
      });
      const changes = [() => net.eval(), () => net.bn2.train(), () => net.train()];
      const steps: Promise<{ loss: number }>[] = [];
      for (const [i, change] of changes.entries()) {
        steps.push(made.step(batches[i]!));
        if (isAwaited) await steps.at(-1);
        change();
      }
      const losses = await Promise.all(steps);
      expect([...net.namedModules()].every(([, { training }]) => training)).toBe(true);
      const state = await net.stateDict(gpu());
      net.release(gpu());
      return { losses, state };
    };
    expect(await run(false)).toEqual(await run(true));
  });

  test("of the network alone in evaluation mode, with its parts in training, are no other's", async () => {
    class Direct extends Module {
      readonly drop = new Dropout(0);
      readonly fc = new Linear(4, 2);
      forward(x: Tensor): Tensor {
        return this.scoped(x, () => this.fc.forward(mul(x, graphOf(x).training ? 2 : 1)));
      }
    }
    const net = new Direct().finish(0);
    using made = trainer(gpu(), net, {
      inputs: { x: [4], label: [] },
      loss: ({ x, label }) => crossEntropy(net.forward(x), label),
      optimizer: new SGD(net, { lr: 0 }),
    });
    const batch = { x: Float32Array.of(1, 2, -1, 3), label: Uint32Array.of(1) };
    const doubled = await made.step(batch);
    net.eval();
    const kept = await made.step(batch);
    net.fc.train();
    net.drop.train();
    expect((await made.step(batch)).loss).toBe(kept.loss);
    expect(kept.loss).not.toBe(doubled.loss);
    net.release(gpu());
  });

  test("of a network beside the trained one may not change once its part of the loss is recorded", async () => {
    const [net, teacher] = [new Net().finish(0), new Net().finish(1).eval()];
    using made = trainer(gpu(), net, {
      inputs: { image: [h, w, c], label: [] },
      loss: ({ image, label }) => add(classified(net, image, label), classified(teacher, image, label)),
      optimizer: new SGD(net, { lr: 0.1 }),
    });
    await made.step(batches[0]!);
    net.bn1.eval();
    await made.step(batches[1]!);
    teacher.train();
    await expect(made.step(batches[2]!)).rejects.toThrow(
      /^trainer: \w+, which the loss uses and the network does not contain, got another mode by train or eval after the loss was recorded; make another trainer$/,
    );
    for (const each of [net, teacher]) each.release(gpu());
  });
});

describe("a loss to train by that was recorded as in inference is refused", () => {
  const recorded = (prepare: (net: Net) => unknown) => {
    const net = new Net().finish(0);
    onTestFinished(() => net.release(gpu()));
    prepare(net);
    const graph = new Graph();
    const loss = classified(net, graph.input("image", [n, h, w, c]), graph.input("label", [n], "u32"));
    return () => new SGD(net, { lr: 0.1 }).record(graph, loss);
  };

  test("unless its modules were told to behave so", () => {
    expect(recorded(() => {})).toThrow(
      "SGD: bn1 was recorded as in inference: record a loss to train by in new Graph({ training: true }), or call eval() on modules that " +
        "shall behave so",
    );
    expect(recorded((net) => net.bn1.eval())).toThrow("SGD: bn2 was recorded as in inference");
    expect(recorded((net) => net.eval())).not.toThrow();
  });
});

test("parameters alone need a graph's scope, which a trainer's loss has", () => {
  const { fc } = new Net().finish(0);
  expect(() => sum(mul(fc.weight, fc.weight))).toThrow(
    "mul: an op needs at least one operand that belongs to a graph; with parameters alone, call it in graph.scope(name, () => …), as the " +
      "loss of a trainer is",
  );
  const graph = new Graph({ training: true });
  const loss = graph.scope("penalty", () => sum(mul(fc.weight, fc.weight)));
  expect([loss.graph, graph.nodes.at(-1)!.layer]).toEqual([graph, "penalty"]);
  expect(() => sum(mul(fc.weight, fc.weight))).toThrow("belongs to a graph");
});
