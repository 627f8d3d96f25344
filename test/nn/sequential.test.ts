/** Sequential, the layers without parameters, and members that lie at two places. */
import { describe, expect, test } from "vitest";
import { relu, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { linear } from "../../src/autograd/conv2d.ts";
import { maxPool2d } from "../../src/autograd/spatial.ts";
import { mul } from "../../src/autograd/arithmetic.ts";
import { permute, reshape } from "../../src/autograd/shape.ts";
import { cat } from "../../src/autograd/spatial.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { Flatten, GELU, Identity, ReLU, Sigmoid, Softmax, Tanh } from "../../src/nn/activations.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module, Parameter } from "../../src/nn/module.ts";
import { ModuleList } from "../../src/nn/module-list.ts";
import { AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d, Upsample } from "../../src/nn/pooling.ts";
import { Sequential, type Layer } from "../../src/nn/sequential.ts";
import { Adam, slabsOf } from "../../src/optim/adam.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const ramp = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i + 0.3));

/** What a layer makes of values. */
async function applied(layer: Layer, shape: readonly number[], values = ramp(shape.reduce((a, b) => a * b, 1))) {
  const graph = new Graph();
  const x = graph.input("x", shape);
  const y = typeof layer === "function" ? layer(x) : layer.forward(x);
  const plan = await compile(gpu(), graph, { outputs: { y } });
  const out = await plan.run({ x: values });
  plan.destroy();
  return { shape: y.shape, values: [...out["y"]] };
}

class Doubled extends Module {
  readonly gain = new Parameter([1], "vector", { fill: 2 });
  forward = (x: Tensor): Tensor => mul(x, this.gain);
}

class Holder extends Module {
  readonly net: Sequential;

  constructor(net: Sequential) {
    super();
    this.net = net;
  }
}

describe("Sequential", () => {
  const layers = () => [new Conv2d(3, 4, 3, { padding: 1, bias: false }), new ReLU(), new Doubled(), (x: Tensor) => maxPool2d(x, { kernel: 2 })] as const; // prettier-ignore

  test("names its layers by position, or as an object or a Map does, and as PyTorch: what has no parameters counts", () => {
    const [a, b, c, d] = layers();
    const names = (net: Sequential) => [...net.named()].map(([name]) => name);
    expect(names(new Sequential(a, b, c, d))).toEqual(["0.weight", "2.gain"]);
    expect(names(new Sequential([a, b, c, d]))).toEqual(["0.weight", "2.gain"]);
    expect(names(new Sequential({ conv: a, act: b, gain: c, pool: d }))).toEqual(["conv.weight", "gain.gain"]);
    expect(names(new Sequential(new Map<string, Layer>([["9", a], ["1", c]])))).toEqual(["9.weight", "1.gain"]); // prettier-ignore
    const net = new Sequential(new Sequential(a, b), c);
    expect(names(net)).toEqual(["0.0.weight", "1.gain"]);
    expect([net.length, net.at(-1), net.get("1"), [...net][1]]).toEqual([2, c, c, c]);
  });

  test("applies them, scopes what functions record, and is trained and saved", async () => {
    const net = new Sequential(...layers());
    net.finish(3);
    const graph = new Graph({ training: true });
    const y = net.forward(graph.input("x", [2, 4, 6, 3]));
    expect(y.shape).toEqual([2, 2, 3, 4]);
    const outer = new Holder(new Sequential(...layers()));
    outer.finish(0);
    const other = new Graph();
    outer.net.forward(other.input("x", [2, 4, 6, 3]));
    expect(other.nodes.map(({ layer }) => layer)).toEqual(["net.0", "net.1", "", "net"]);
    const loss = sum(y);
    const adam = new Adam(slabsOf(net.parameters()), { lr: 0.1 });
    const plan = await compile(gpu(), graph, { outputs: { loss }, updates: adam.record(graph, loss).updates });
    const before = await net.stateDict(gpu());
    await plan.run({ x: ramp(144), adam: adam.advance() });
    const after = await net.stateDict(gpu());
    expect([...after.keys()]).toEqual(["0.weight", "2.gain"]);
    for (const [name, { data }] of after) expect(data, name).not.toEqual(before.get(name)!.data);
  });

  test("a subclass keeps members of its own", () => {
    class Net extends Sequential {
      readonly head = new Linear(4, 2);
    }
    expect([...new Net(new Conv2d(3, 4, 1, { bias: false })).named()].map(([name]) => name)).toEqual([
      "0.weight",
      "head.weight",
      "head.bias",
    ]);
  });

  test("what is no layer, and names that cannot be, are said", () => {
    const bad = (...given: unknown[]) => new Sequential(...(given as [Layer]));
    expect(() => bad(new ReLU(), 3)).toThrow("Sequential: 1 is a Number, not a module with forward(x) or a function");
    expect(() => bad(undefined)).toThrow("Sequential: 0 is undefined, not a module");
    expect(() => bad({ "1": new ReLU() })).toThrow(
      "puts names that are numbers, such as 1, first; use an array or a Map",
    );
    expect(() => bad({ "a.b": new ReLU() })).toThrow('a layer cannot be named "a.b"');
    const net = new Sequential(() => 3 as never);
    expect(() => net.forward(new Graph().input("x", [1]))).toThrow(
      "Sequential: layer 0 returned a Number, not a tensor",
    );
  });
});

test("lists give modules by position, in turn, and their number", () => {
  const [a, b] = [new Linear(2, 3), new Linear(3, 1)];
  const list = new ModuleList([a, b]);
  expect([list[0], list[1], list[2], list.at(-1), list.length]).toEqual([a, b, undefined, b, 2]);
  expect([...list]).toEqual([a, b]);
  const named = new ModuleList(new Map([["in", a], ["out", b]])); // prettier-ignore
  expect([named[1], named.get("out"), named.length]).toEqual([b, b, 2]);
});

describe("layers without parameters compute what PyTorch's do", () => {
  const x = [1, 4, 4, 2];
  const at = (values: readonly number[] | Float32Array, h: number, w: number, c: number) =>
    values[(h * 4 + w) * 2 + c]!;

  test("pooling: a missing stride is the kernel", async () => {
    const most = await applied(new MaxPool2d(2), x);
    expect(most.shape).toEqual([1, 2, 2, 2]);
    const given = ramp(32);
    expect(most.values[1]).toBe(Math.max(...[0, 1].flatMap((h) => [0, 1].map((w) => at(given, h, w, 1)))));
    expect((await applied(new MaxPool2d(3, { stride: 1, padding: 1 }), x)).shape).toEqual(x);
    const average = await applied(new AvgPool2d([2, 4]), x);
    expect(average.shape).toEqual([1, 2, 1, 2]);
    expect(average.values[0]).toBeCloseTo(
      [0, 1].flatMap((h) => [0, 1, 2, 3].map((w) => at(given, h, w, 0))).reduce((a, b) => a + b) / 8,
      6,
    );
    const mean = await applied(new GlobalAvgPool2d(), x);
    const one = await applied(new AdaptiveAvgPool2d(1), x);
    expect([mean.shape, one.shape]).toEqual([[1, 2], [1, 1, 1, 2]]); // prettier-ignore
    expect(one.values).toEqual(mean.values);
    expect((await applied(new AdaptiveAvgPool2d([3, 2]), x)).shape).toEqual([1, 3, 2, 2]);
  });

  test("resizing", async () => {
    const nearest = await applied(new Upsample({ scaleFactor: 2 }), x);
    expect(nearest.shape).toEqual([1, 8, 8, 2]);
    const given = ramp(32);
    expect(nearest.values[(5 * 8 + 3) * 2 + 1]).toBe(at(given, 2, 1, 1));
    expect((await applied(new Upsample({ size: [6, 3], mode: "bilinear" }), x)).shape).toEqual([1, 6, 3, 2]);
    expect(() => new Upsample({ size: 8 }).forward(new Graph().input("x", [1, 3, 4, 2]))).toThrow(
      "nearest takes whole factors",
    );
    expect(() => new Upsample({ scaleFactor: 1.3 }).forward(new Graph().input("x", x))).toThrow(
      "cannot be resized to 5.2×5.2",
    );
    expect(() => new Upsample({})).toThrow("either size or scaleFactor");
  });

  test("activations", async () => {
    const values = Float32Array.of(-2, -0.5, 0, 1.5);
    const each = async (layer: Layer, f: (v: number) => number) => {
      const out = await applied(layer, [4], values);
      for (const [i, v] of values.entries()) expect(out.values[i]).toBeCloseTo(f(v), 5);
    };
    await each(new ReLU(), (v) => Math.max(v, 0));
    await each(new Sigmoid(), (v) => 1 / (1 + Math.exp(-v)));
    await each(new Tanh(), Math.tanh);
    await each(new Identity(), (v) => v);
    // x Phi(x) of the four values.
    const gelus = [-0.0455003, -0.1542688, 0, 1.3997891];
    await each(new GELU(), (v) => gelus[values.indexOf(v)]!);
    const rows = await applied(new Softmax(-1), [2, 3]);
    expect(rows.values[0]! + rows.values[1]! + rows.values[2]!).toBeCloseTo(1, 6);
    expect(() => new Softmax(1).forward(new Graph().input("x", x))).toThrow("the channels are dim -1");
    expect(() => new GELU({ approximate: "tanh" as never })).toThrow("approximate must be none");
  });

  test("Flatten has PyTorch's order of a map's values, so that a linear layer's weights are PyTorch's", async () => {
    const flat = await applied(
      new Flatten(),
      [1, 2, 2, 3],
      Float32Array.from({ length: 12 }, (_, i) => i),
    );
    expect(flat).toEqual({ shape: [1, 12], values: [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11] });
    expect((await applied(new Flatten(), [2, 3, 4])).shape).toEqual([2, 12]);
    expect(() => new Flatten(2).forward(new Graph().input("x", x))).toThrow(
      "all axes from 1 on are flattened, not 2 to -1",
    );
  });

  test("a missing option, and one that is not here, is said", () => {
    expect(() => new MaxPool2d(2, { ceil_mode: true } as never)).toThrow("MaxPool2d: unknown option ceil_mode");
    expect(() => new MaxPool2d(3, 2 as never)).toThrow("MaxPool2d: options are an object of stride, padding");
    expect(() => new Dropout(1)).toThrow("Dropout: p must be below 1, got 1");
  });
});

test("Dropout follows the graph, takes the step as an input, and each use has a mask of its own", async () => {
  const drop = new Dropout(0.25, { seed: 5 });
  const net = new Sequential(drop, drop, new Linear(64, 2));
  net.finish(0);
  const inferring = new Graph();
  const x = inferring.input("x", [3, 64]);
  expect(drop.forward(x)).toBe(x);
  const graph = new Graph({ training: true });
  const given = graph.input("x", [50, 64]);
  const [one, two] = [drop.forward(given), drop.forward(given)];
  expect([...graph.inputs.keys()]).toEqual(["x", "step"]);
  const plan = await compile(gpu(), graph, { outputs: { one, two } });
  const ones = new Float32Array(3200).fill(1);
  await expect(plan.run({ x: ones })).rejects.toThrow("missing input step [1]");
  const first = await plan.run({ x: ones, step: Uint32Array.of(1) });
  const again = await plan.run({ x: ones, step: Uint32Array.of(1) });
  const second = await plan.run({ x: ones, step: Uint32Array.of(2) });
  expect(again["one"]).toEqual(first["one"]);
  expect(second["one"]).not.toEqual(first["one"]);
  expect(first["two"]).not.toEqual(first["one"]);
  expect(new Set(first["one"])).toEqual(new Set([0, Math.fround(1 / 0.75)]));
  const dropped = first["one"].filter((v) => v === 0).length / 3200;
  // Four standard errors.
  expect(Math.abs(dropped - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 3200));
});

describe("one module or parameter at two places is PyTorch's tied weight", () => {
  test("its gradient is the sum over both, one step of Adam moves it once, and a state dict has both names", async () => {
    class Tied extends Module {
      readonly first = new Linear(4, 4, { bias: false });
      readonly second = new Linear(4, 4, { bias: false });
      readonly again = this.first;

      constructor() {
        super();
        Object.assign(this.second, { weight: this.first.weight });
      }

      forward(x: Tensor): Tensor {
        return this.again.forward(relu(this.second.forward(relu(this.first.forward(x)))));
      }
    }
    const net = new Tied();
    net.finish(1);
    expect(net.parameters()).toHaveLength(1);
    const [weight] = net.parameters();
    const graph = new Graph({ training: true });
    const loss = sum(net.forward(graph.input("x", [3, 4])));
    const adam = new Adam(slabsOf(net.parameters()), { lr: 0.1 });
    const recorded = adam.record(graph, loss);
    const outputs = { loss, gradient: recorded.gradients.get(weight!)! };
    const plan = await compile(gpu(), graph, { outputs, updates: recorded.updates });
    // The same with three weights of equal values, whose gradients are added here.
    const apart = new Graph();
    const weights = ["a", "b", "c"].map((name) => apart.input(name, [4, 4]));
    const [a, b, c] = weights as [Tensor, Tensor, Tensor];
    const y = linear(relu(linear(relu(linear(apart.input("x", [3, 4]), a)), b)), c);
    const grads = gradients(sum(y), weights);
    const reference = await compile(gpu(), apart, { outputs: { da: grads[0]!, db: grads[1]!, dc: grads[2]! } });
    const w = weight!.initial!;
    const found = await plan.run({ x: ramp(12), adam: adam.advance() });
    const { da, db, dc } = await reference.run({ x: ramp(12), a: w, b: w, c: w });
    for (const [i, value] of found["gradient"].entries()) expect(value).toBeCloseTo(da[i]! + db[i]! + dc[i]!, 5);
    const state = await net.stateDict(gpu());
    expect([...state.keys()]).toEqual(["first.weight", "second.weight", "again.weight"]);
    expect(state.get("second.weight")!.data).toEqual(state.get("first.weight")!.data);
    const moved = state.get("first.weight")!.data.map((v, i) => v - w[(i % 4) * 4 + Math.floor(i / 4)]!);
    // The first step of Adam is the rate, once, wherever there is a gradient.
    for (const step of moved) expect([0, 0.1]).toContainEqual(expect.closeTo(Math.abs(step), 4));
    const other = new Tied();
    other.finish(2);
    other.loadStateDict(gpu(), state);
    expect((await other.stateDict(gpu())).get("again.weight")!.data).toEqual(state.get("first.weight")!.data);
    state.get("again.weight")!.data = new Float32Array(16);
    expect(() => other.loadStateDict(gpu(), state)).toThrow(
      "second.weight and again.weight are one parameter, and are given different values",
    );
  });
});

describe("views are read in their own shape, whatever the passes do", () => {
  const x = [2, 4, 4, 4];

  test("a batch norm behind a convolution that was reshaped is not folded into it", async () => {
    class Net extends Module {
      readonly conv = new Conv2d(4, 8, 1, { bias: false });
      readonly bn = new BatchNorm2d(4);
      forward = (x: Tensor) => this.bn.forward(reshape(this.conv.forward(x), [2, 4, 8, 4]));
    }
    const net = new Net();
    net.finish(0);
    const graph = new Graph();
    const y = net.forward(graph.input("x", x));
    const outputs = { y };
    const [plain, frozen] = await Promise.all(
      [false, true].map(async (frozen) => (await compile(gpu(), graph, { outputs, frozen })).run({ x: ramp(128) })),
    );
    for (const [i, v] of plain!["y"].entries()) expect(frozen!["y"][i]).toBeCloseTo(v, 5);
  });

  test("a concatenation that a convolution reads in another shape is laid out", async () => {
    const conv = new Conv2d(4, 3, 1, { bias: false });
    conv.finish(0);
    const graph = new Graph();
    const given = graph.input("x", x);
    const both = cat([given, mul(given, 2)]);
    const y = conv.forward(reshape(both, [2, 4, 8, 4]));
    const wanted = conv.forward(reshape(permute(permute(both, [0, 1, 3, 2]), [0, 1, 3, 2]), [2, 4, 8, 4]));
    const out = await (await compile(gpu(), graph, { outputs: { y, wanted } })).run({ x: ramp(128) });
    expect(out["y"]).toEqual(out["wanted"]);
  });

  test("inputs, parameters and results are views of themselves", async () => {
    const graph = new Graph();
    const leaf = graph.input("x", [2, 6]);
    const view = reshape(leaf, [3, 4]);
    const y = mul(view, view);
    const [dx, dview] = gradients(sum(y), [leaf, view]);
    expect([dx!.shape, dview!.shape, reshape(view, [2, 6]) === leaf]).toEqual([[2, 6], [3, 4], true]); // prettier-ignore
    const out = await (
      await compile(gpu(), graph, { outputs: { dx: dx!, view, same: reshape(y, [12]) } })
    ).run({ x: ramp(12) });
    for (const [i, v] of ramp(12).entries()) {
      expect([out["dx"][i], out["view"][i], out["same"][i]]).toEqual([2 * v, v, v * v].map(Math.fround));
    }
  });
});
