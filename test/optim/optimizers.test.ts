/** The optimisers over groups of parameters, with clipping, against PyTorch; and what they share. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mul, scale, sum, add } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, writeVariable } from "../../src/graph/storage.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module, Parameter, type SavedState } from "../../src/nn/module.ts";
import { Adam, AdamW, slabsOf } from "../../src/optim/adam.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { oursOf, optimizers, PARAMETER_BAR } from "../support/check-optimizer.ts";
import { FORWARD_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

const gpu = useGpu();
const useSmall = useGpu({ maxBindingBytes: 48 * 1024 });

describe("several steps agree with PyTorch in float64", () => {
  const file = "test/reference/data/optimizers.safetensors";
  const { tensors, metadata } = parseSafetensors(readFileSync(file), file);
  const shapes = Object.entries(JSON.parse(metadata["shapes"]!) as Record<string, number[]>);
  interface Case {
    rule: string;
    options: Record<string, unknown>;
    clip: number | null;
    b: Record<string, unknown> | null;
    c: Record<string, unknown> | null;
    unused: string;
  }
  const cases = JSON.parse(metadata["cases"]!) as Record<string, Case>;
  const dataOf = (name: string) => tensors.get(name)!.data as Float32Array;
  const sizes = shapes.map(([, shape]) => shape.reduce((x, y) => x * y, 1));
  const count = sizes.reduce((x, y) => x + y);
  /** The part of each parameter, by name. */
  const split = (values: Float32Array) => {
    let at = 0;
    return new Map(shapes.map(([name], i) => [name, values.slice(at, (at += sizes[i]!))]));
  };
  const row = (values: Float32Array, step: number) => values.subarray(step * count, (step + 1) * count);

  test.each(Object.entries(cases))("%s", async (name, { rule, options, clip, b, c, unused }) => {
    const parameters = shapes.map(([name, shape]) => Object.assign(new Parameter(shape, "vector"), { name }));
    const start = split(dataOf("p"));
    for (const parameter of parameters) writeVariable(gpu(), parameter, start.get(parameter.name)!);
    const groups = [b, c].flatMap((group, i) =>
      group ? [{ parameters: [parameters[1 + i]!], ...oursOf(group) }] : [],
    );
    const skip = unused ? { unusedParameters: "skip" } : {};
    const clipping = clip === null ? {} : { clip };
    const optimizer = optimizers.get(rule.toLowerCase())!(parameters, { ...options, ...clipping, groups, ...skip });
    const graph = new Graph({ training: true });
    const terms = parameters
      .filter((p) => !unused.includes(p.name))
      .map((p) => sum(mul(p, graph.input(`g.${p.name}`, p.shape))));
    const recorded = optimizer.record(graph, terms.reduce(add));
    expect(recorded.unused.map((p) => p.name).join("")).toBe(unused);
    expect(recorded.norm === undefined).toBe(clip === null);
    const outputs = recorded.norm ? { norm: recorded.norm } : {};
    const plan = await compile(gpu(), graph, { outputs, updates: recorded.updates });
    for (let step = 0; step < dataOf("g").length / count; step++) {
      const given = [...split(row(dataOf("g"), step))].map(([key, values]) => [`g.${key}`, values] as const);
      const used = given.filter(([key]) => graph.inputs.has(key));
      const { norm } = await plan.run({ ...Object.fromEntries(used), [rule.toLowerCase()]: optimizer.advance() });
      if (norm) expect(relativeError(norm, [dataOf(`${name}.norm`)[step]!])).toBeLessThanOrEqual(FORWARD_BAR);
      const expected = split(row(dataOf(`${name}.p`), step));
      for (const p of parameters) {
        const error = relativeError(await readVariable(gpu(), p), expected.get(p.name)!);
        expect(error, `${p.name} after step ${step}`).toBeLessThanOrEqual(PARAMETER_BAR);
      }
    }
    const state = await optimizer.stateDict(gpu());
    let compared = 1;
    for (const key of ["exp_avg", "exp_avg_sq", "momentum_buffer"]) {
      if (!tensors.has(`${name}.${key}`)) continue;
      for (const [of, values] of split(dataOf(`${name}.${key}`))) {
        const ours = state.get(`${key}.${of}`);
        // A group without momentum has no buffer; the reference has zeros.
        if (!ours) expect(values.every((value) => value === 0)).toBe(true);
        else expect(relativeError(ours.data, values), `${key}.${of}`).toBeLessThanOrEqual(FORWARD_BAR);
        compared += ours ? 1 : 0;
      }
    }
    expect(compared).toBe(state.size);
    plan.destroy();
    optimizer.release(gpu());
  });
});

class Net extends Module {
  readonly conv = new Conv2d(3, 8, 3, { padding: 1 });
  readonly bn = new BatchNorm2d(8);
  readonly fc = new Linear(8, 3);
  readonly aux = new Linear(8, 2);

  constructor() {
    super();
    this.finish(initialValues(1));
  }

  features(x: Tensor): Tensor {
    return globalAvgPool(this.bn.forward(this.conv.forward(x), { relu: true }));
  }
}

const image = new Float32Array(4 * 8 * 8 * 3).map((_, i) => Math.sin(i * i));
const label = Uint32Array.of(0, 1, 2, 0);

/** Losses of one step: of the classifier, and of both heads. */
function lossesOf(net: Net, graph = new Graph({ training: true })) {
  const features = net.features(graph.input("image", [4, 8, 8, 3]));
  const main = crossEntropy(net.fc.forward(features), graph.input("label", [4], "u32"));
  const other = sum(mul(net.aux.forward(features), net.aux.forward(features)));
  return { graph, main, both: add(main, scale(other, 0.1)) };
}

/** A function that takes steps of these optimisers, recorded in one graph, and returns the losses. */
async function training(net: Net, ...all: Optimizer[]) {
  const { graph, both: loss } = lossesOf(net);
  const updates = all.flatMap((optimizer, i) => optimizer.record(graph, loss, `hyper${i}`).updates);
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates });
  return async (steps: number) => {
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const hyper = Object.fromEntries(all.map((optimizer, k) => [`hyper${k}`, optimizer.advance()]));
      losses.push((await plan.run({ image, label, ...hyper })).loss![0]!);
    }
    return losses;
  };
}

const weights = async (net: Net) =>
  new Map([...(await net.stateDict(gpu()))].map(([name, { data }]) => [name, data] as const));

const makers: Record<string, (net: Net) => Optimizer> = {
  Adam: (net) => new Adam(net, { lr: 0.01, weightDecay: 0.1, clip: 0.5, groups: [{ parameters: net.fc, lr: 0.02 }] }),
  AdamW: (net) => new AdamW(net, { lr: 0.01, clip: 0.5, groups: [{ parameters: [net.bn.weight], weightDecay: 0 }] }),
  SGD: (net) => new SGD(net, { lr: 0.1, momentum: 0.9, dampening: 0.2, weightDecay: 0.1, clip: 0.5 }),
  "plain SGD": (net) => new SGD(net, { lr: 0.1 }),
};

describe.each(Object.entries(makers))("%s", (_, make) => {
  test("learns, and goes on from its state dict bit for bit", async () => {
    const whole = new Net();
    const losses = await (await training(whole, make(whole)))(12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    const first = new Net();
    const optimizer = make(first);
    const begun = await (await training(first, optimizer))(5);
    const [net, state] = [await first.stateDict(gpu()), await optimizer.stateDict(gpu())];
    const saved = parseSafetensors(serializeSafetensors(state), "state").tensors;
    const second = new Net();
    second.loadStateDict(gpu(), net);
    const again = make(second);
    again.loadStateDict(gpu(), saved);
    expect(again.steps).toBe(5);
    expect([...begun, ...(await (await training(second, again))(7))]).toEqual(losses);
    expect(await weights(second)).toEqual(await weights(whole));
  });

  test("leaves everything as it is when the gradients are not finite", async () => {
    const net = new Net();
    const optimizer = make(net);
    const { graph, both: loss } = lossesOf(net);
    const { updates, guard } = optimizer.record(graph, loss, "hyper");
    // Without the running statistics, which a forward pass in training updates.
    const plan = await compile(gpu(), graph, { outputs: { guard }, updates });
    await plan.run({ image, label, hyper: optimizer.advance() });
    const [before, state] = [await weights(net), await optimizer.stateDict(gpu())];
    const bad = image.slice();
    bad[7] = NaN;
    expect((await plan.run({ image: bad, label, hyper: optimizer.advance() })).guard![0]).not.toSatisfy(
      Number.isFinite,
    );
    const after = await weights(net);
    for (const { name } of net.parameters()) expect(after.get(name), name).toEqual(before.get(name));
    const { steps } = optimizer;
    expect(steps).toBe(2);
    state.get("step")!.data.set([steps]);
    expect(await optimizer.stateDict(gpu())).toEqual(state);
  });
});

describe("optimisers over parts of a net", () => {
  const options = { lr: 0.01, weightDecay: 0.1 };

  test("in one graph do what one over all does", async () => {
    const [whole, parted] = [new Net(), new Net()];
    const expected = await (await training(whole, new Adam(whole, options)))(5);
    const body = new Adam([...parted.conv.parameters(), ...parted.bn.parameters()], options);
    const heads = new Adam([...parted.fc.parameters(), ...parted.aux.parameters()], options);
    expect(await (await training(parted, body, heads))(5)).toEqual(expected);
    expect(await weights(parted)).toEqual(await weights(whole));
  });

  test("groups without options of their own change nothing", async () => {
    const [whole, grouped] = [new Net(), new Net()];
    const expected = await (await training(whole, new AdamW(whole, options)))(5);
    const groups = [{ parameters: grouped.fc }, { parameters: [grouped.conv.weight] }];
    expect(await (await training(grouped, new AdamW(grouped, { ...options, groups })))(5)).toEqual(expected);
  });

  test("which another one trains already, whole or in part", async () => {
    const [net, fresh] = [new Net(), new Net()];
    const first = new Adam(net, options);
    const trained = await training(net, first);
    // Apart in the slab of the first, with another parameter between them.
    const some = (of: Net) => [of.fc.weight, of.conv.weight, of.aux.weight, of.aux.bias];
    const skipping = { ...options, clip: 1 };
    const second = new Adam(some(net), skipping);
    const expected = await (await training(fresh, new Adam(some(fresh), skipping)))(5);
    const ours = await (await training(net, second))(5);
    for (const [i, loss] of ours.entries()) expect(loss).toBeCloseTo(expected[i]!, 5);
    const [after, other] = [await weights(net), await weights(fresh)];
    expect(after.get("bn.weight")).toEqual(new Float32Array(8).fill(1));
    for (const { name } of some(net))
      expect(relativeError(after.get(name)!, other.get(name)!), name).toBeLessThan(1e-5);
    expect(() => second.slabs).toThrow("Adam: its parameters are a part of another optimiser's slab");
    expect(await trained(2)).toHaveLength(2);
    const third = new SGD(net, { momentum: 0.9 });
    expect(third.state).toHaveLength(1);
    expect(await (await training(net, third))(2)).toHaveLength(2);
    first.release(gpu());
    expect(first.steps).toBe(0);
    expect(await second.stateDict(gpu())).toHaveLength(9);
  });

  test("cut to stretches that a binding can take are updated as whole ones", async () => {
    const small = useSmall();
    const results: Float32Array[] = [];
    for (const on of [gpu(), small]) {
      const p = Object.assign(new Parameter([40_001], "vector"), { name: "p" });
      const q = Object.assign(new Parameter([9], "vector"), { name: "q" });
      writeVariable(on, p, new Float32Array(40_001).fill(1));
      writeVariable(on, q, new Float32Array(9).fill(1));
      const adam = new AdamW([q, p], { lr: 0.01, clip: 1, groups: [{ parameters: [q], lr: 1 }] });
      const graph = new Graph({ training: true });
      const loss = add(sum(mul(p, graph.input("g", [40_001]))), sum(mul(q, graph.input("h", [9]))));
      const { updates, norm } = adam.record(graph, loss);
      const plan = await compile(on, graph, { outputs: { norm: norm! }, updates });
      const g = Float32Array.from({ length: 40_001 }, (_, i) => Math.sin(i));
      const out = await plan.run({ g, h: g.slice(0, 9), adamw: adam.advance() });
      results.push(out["norm"]!, await readVariable(on, p), await readVariable(on, q));
      expect(plan.steps.filter(({ label }) => label === "gradientSquares").length).toBe(on === small ? 5 : 2);
      plan.destroy();
      adam.release(on);
    }
    expect(results.slice(3)).toEqual(results.slice(0, 3));
  });

  test("are updated in as few dispatches as slabs and gaps need", async () => {
    const net = new Net();
    const updates = (optimizer: Optimizer) => {
      const { graph, both } = lossesOf(net);
      return optimizer.record(graph, both).updates.length;
    };
    expect(updates(new Adam(net))).toBe(1);
    expect(updates(new Adam([net.conv.weight, net.bn.weight, net.fc.weight]))).toBe(2);
    expect(updates(new SGD(net, { groups: [{ parameters: net.fc }] }))).toBe(3);
    const { graph, main } = lossesOf(net);
    const skipped = new Adam(net, { unusedParameters: "skip", clip: 1 }).record(graph, main);
    expect(skipped.updates).toHaveLength(1);
    const plan = await compile(gpu(), graph, { outputs: {}, updates: skipped.updates });
    expect(plan.steps.filter(({ label }) => /^(adam|gradient)/.test(label)).map(({ label }) => label)).toEqual([
      "gradientSquares",
      "gradientNorm",
      "adam",
    ]);
    plan.destroy();
  });
});

describe("parameters that the loss does not depend on", () => {
  test("are an error that names them, and the option", () => {
    const net = new Net();
    const { graph, main } = lossesOf(net);
    expect(() => new AdamW(net).record(graph, main)).toThrow(
      new TypeError(
        "AdamW: the loss does not depend on aux.weight, aux.bias: leave them out of what the optimiser trains, " +
          'or pass { unusedParameters: "skip" }',
      ),
    );
    const none = new Adam(net.aux, { unusedParameters: "skip" });
    expect(() => none.record(graph, main)).toThrow("Adam: the loss does not depend on aux.weight, aux.bias");
  });

  test("stay as they are where they are skipped, and are told", async () => {
    const net = new Net();
    const optimizer = new AdamW(net, { lr: 0.1, weightDecay: 0.5, unusedParameters: "skip" });
    const before = await weights(net);
    const { graph, main } = lossesOf(net);
    const { updates, unused, gradients } = optimizer.record(graph, main);
    expect(unused).toEqual(net.aux.parameters());
    expect(gradients.size).toBe(net.parameters().length - 2);
    const plan = await compile(gpu(), graph, { updates });
    await plan.run({ image, label, adamw: optimizer.advance() });
    const after = await weights(net);
    for (const { name } of net.parameters()) {
      if (name.startsWith("aux")) expect(after.get(name)).toEqual(before.get(name));
      else expect(after.get(name)).not.toEqual(before.get(name));
    }
    const second = lossesOf(net);
    expect(() => optimizer.record(second.graph, second.both)).toThrow(
      "AdamW: this loss depends on other parameters than the one recorded before; make an optimiser for each of the two",
    );
  });
});

describe("clipping", () => {
  test("to more than the norm, or to Infinity, changes no bit", async () => {
    const losses: number[][] = [];
    for (const clip of [undefined, 1000, Infinity]) {
      const net = new Net();
      const adam = new Adam(net, { lr: 0.01, ...(clip && { clip }) });
      losses.push(await (await training(net, adam))(4));
    }
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
  });

  test("returns the norm of the gradients that record returns", async () => {
    const net = new Net();
    const { graph, both } = lossesOf(net);
    const sgd = new SGD(net, { lr: 0.1, clip: Infinity, groups: [{ parameters: net.fc }, { parameters: net.conv }] });
    const { updates, norm, gradients } = sgd.record(graph, both);
    const named = Object.fromEntries([...gradients].map(([{ name }, gradient]) => [name, gradient]));
    const plan = await compile(gpu(), graph, { outputs: { ...named, gradientNorm: norm! }, updates });
    const { gradientNorm, ...all } = await plan.run({ image, label, sgd: sgd.advance() });
    const expected = Math.hypot(...Object.values(all).flatMap((values) => [...values]));
    expect(relativeError(gradientNorm!, [expected])).toBeLessThanOrEqual(1e-6);
  });
});

describe("an optimiser that cannot be meant is an error", () => {
  const net = new Net();
  test.each<[string, () => unknown, string]>([
    ["nothing", () => new Adam(undefined as never), "Adam: expected a module or its parameters, got undefined"],
    ["an empty array", () => new SGD([]), "SGD: no slabs of parameters to train; the array is empty"],
    [
      "a stranger",
      () => new SGD([net.conv as never]),
      "SGD: expected a module or its parameters, got an array with an Object",
    ],
    ["one twice", () => new SGD([net.fc.bias, net.fc.bias]), "SGD: fc.bias is given twice"],
    ["a buffer", () => new SGD([net.bn.running_mean]), "SGD: bn.running_mean is a buffer, which is not trained"],
    [
      "no finished net",
      () => new SGD(new Linear(2, 2)),
      "SGD: a parameter [2, 2] that is not registered with a finished module",
    ],
    [
      "a misspelt option",
      () => new SGD(net, { decay: 1 } as never),
      "SGD: unknown option decay; the options are lr, momentum, dampening, nesterov, weightDecay, clip, unusedParameters, groups",
    ],
    [
      "betas twice",
      () => new Adam(net, { betas: [0.9, 0.99], beta1: 0.9 }),
      "Adam: betas are beta1 and beta2; give the one or the others",
    ],
    [
      "one beta",
      () => new Adam(net, { betas: [0.9] as never }),
      "Adam: betas must be an array of two numbers, got an Array",
    ],
    [
      "a large beta",
      () => new AdamW(net, { betas: [0.9, 1] }),
      "AdamW: beta2 must be at least 0 and less than 1, got 1",
    ],
    [
      "a negative decay",
      () => new AdamW(net, { weightDecay: -1 }),
      "AdamW: weightDecay must be a number of at least 0, got -1",
    ],
    [
      "a large momentum",
      () => new SGD(net, { momentum: 1e39 }),
      "SGD: momentum must be a number of at least 0, got 1e+39",
    ],
    [
      "Nesterov without momentum",
      () => new SGD(net, { nesterov: true }),
      "SGD: nesterov needs a momentum above 0 and a dampening of 0",
    ],
    ["a clip of 0", () => new SGD(net, { clip: 0 }), "SGD: clip must be a number above 0, got 0"],
    [
      "what to do with unused ones",
      () => new SGD(net, { unusedParameters: "ignore" as never }),
      'SGD: unusedParameters must be "error" or "skip", got ignore',
    ],
    [
      "groups that overlap",
      () => new SGD(net, { groups: [{ parameters: net.fc }, { parameters: [net.fc.bias] }] }),
      "SGD: fc.bias is in groups[0] and groups[1]; it can be in one group",
    ],
    [
      "a group of others",
      () => new SGD(net.fc, { groups: [{ parameters: net.aux }] }),
      "SGD: groups[0] has aux.weight, which is not among what the optimiser trains",
    ],
    [
      "a group without parameters",
      () => new SGD(net, { groups: [{ lr: 1 } as never] }),
      "SGD: groups[0]: parameters is a module or an array of parameters, got undefined",
    ],
    [
      "a misspelt option of a group",
      () => new SGD(net, { groups: [{ parameters: net.fc, rate: 1 } as never] }),
      "SGD: groups[0]: unknown option rate; the options are lr, momentum, dampening, nesterov, weightDecay, parameters",
    ],
    [
      "a clip of a group",
      () => new SGD(net, { groups: [{ parameters: net.fc, clip: 1 } as never] }),
      "SGD: groups[0]: clip holds for all groups; put it beside groups",
    ],
    [
      "a bad option of a group",
      () => new SGD(net, { groups: [{ parameters: net.fc, lr: NaN }] }),
      "SGD: the learning rate must be a number of at least 0, got NaN",
    ],
    [
      "groups of slabs",
      () => new Adam(slabsOf(new Net().parameters()), { groups: [{ parameters: net.fc }] }),
      "Adam: groups need a net, or an array of its parameters, instead of slabs",
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
    // And has given nothing a place.
    expect(net.parameters().filter(({ place }) => place)).toEqual([]);
  });

  test.each<[string, (state: SavedState) => unknown, string]>([
    ["a missing tensor", (state) => state.delete("exp_avg.fc.bias"), "Adam: exp_avg.fc.bias is missing"],
    ["no step", (state) => state.delete("step"), "Adam: step is missing"],
    ["half a step", (state) => state.get("step")!.data.set([1.5]), "Adam: step must be a whole number, got 1.5"],
    [
      "an unknown tensor",
      (state) => state.set("exp_avg.fc", state.get("step")!),
      "Adam: exp_avg.fc is not part of this optimiser's state",
    ],
    [
      "another shape",
      (state) => state.set("exp_avg.fc.bias", state.get("exp_avg.bn.bias")!),
      "Adam: exp_avg.fc.bias is [8], the parameter is [3]",
    ],
    ["NaN", (state) => state.get("exp_avg.fc.bias")!.data.fill(NaN), "Adam: exp_avg.fc.bias contains NaN"],
    [
      "a negative mean square",
      (state) => state.get("exp_avg_sq.fc.bias")!.data.fill(-1),
      "Adam: exp_avg_sq.fc.bias contains a negative mean square, -1",
    ],
  ])("a state with %s", async (_, spoil, message) => {
    const adam = new Adam(new Net());
    const state = await adam.stateDict(gpu());
    const spoilt: SavedState = new Map(
      [...state].map(([name, { data, ...rest }]) => [name, { ...rest, data: data.slice() }]),
    );
    spoilt.get("exp_avg.conv.weight")!.data.fill(1);
    spoil(spoilt);
    expect(() => adam.loadStateDict(gpu(), spoilt)).toThrow(message);
    expect(await adam.stateDict(gpu())).toEqual(state);
  });

  test("parameters of one name have no state dict", () => {
    const two = new Adam([new Net(), new Net()].flatMap((each) => each.parameters()));
    return expect(two.stateDict(gpu())).rejects.toThrow(
      "Adam: two parameters are called conv.weight, so their state cannot be told apart",
    );
  });
});

describe("the values of a step", () => {
  const [a, b] = ["a", "b"].map((name) => Object.assign(new Parameter([4], "vector"), { name })) as [
    Parameter,
    Parameter,
  ];

  test("are those of each group, whose rates keep their ratio", () => {
    const sgd = new SGD([a, b], { lr: 0.1, momentum: 0.5, dampening: 0.25, groups: [{ parameters: [b], lr: 0.2 }] });
    const all = () => {
      const values = sgd.advance(0.05);
      return [values[0], values[1], values[64], values[65]];
    };
    expect(all()).toEqual([0.05, 1, 0.1, 1].map(Math.fround));
    expect(all()).toEqual([0.05, 0.75, 0.1, 0.75].map(Math.fround));
    sgd.options.lr = 0.05;
    expect([...sgd.advance()].filter((value) => value !== 0)).toEqual([0.05, 0.75, 0.2, 0.75].map(Math.fround));
    expect(() => sgd.advance(-1)).toThrow("SGD: the learning rate must be a number of at least 0, got -1");
    sgd.options.lr = 0;
    expect(() => sgd.advance(0.1)).toThrow("SGD: groups keep their ratio to the learning rate, which is 0");
    expect(sgd.steps).toBe(3);
  });

  test("a group without its own rate follows the optimiser's", () => {
    const adam = new Adam([a, b], { lr: 0.1, groups: [{ parameters: [b], weightDecay: 1 }] });
    adam.options.lr = 0.3;
    expect(adam.groups[1]!.options.lr).toBe(0.3);
    expect(() => (adam.groups[1]!.options.lr = 1)).toThrow(TypeError);
    const values = adam.advance();
    expect(values[64]).toBe(values[0]);
  });

  test("those of another optimiser are refused", async () => {
    const graph = new Graph({ training: true });
    const [first, second] = [new SGD([a], { lr: 0.1 }), new SGD([a], { lr: 0.1 })];
    const loss = sum(mul(a, graph.input("g", [4])));
    const { updates } = first.record(graph, loss);
    expect(() => second.record(graph, loss)).toThrow(
      'SGD: the graph already has an input sgd; for a second optimiser, use another name: record(graph, loss, "sgd2")',
    );
    const plan = await compile(gpu(), graph, { updates });
    await expect(plan.run({ g: new Float32Array(4), sgd: second.advance() })).rejects.toThrow(
      "input sgd: these values come from another optimiser's advance()",
    );
  });
});
