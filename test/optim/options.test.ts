/** What optimisers are given: options, groups, rates, states. */
import { describe, expect, test } from "vitest";
import { mul, sum } from "../../src/autograd/elementwise.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { Linear } from "../../src/nn/layers.ts";
import { Parameter, type SavedState } from "../../src/nn/module.ts";
import { Adam, AdamW, slabsOf } from "../../src/optim/adam.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { useGpu } from "../support/gpu.ts";
import { TwoHeads } from "../support/two-heads.ts";

const gpu = useGpu();

describe("an optimiser that cannot be meant is an error", () => {
  const net = new TwoHeads();
  test.each<[string, () => unknown, string]>([
    ["nothing", () => new Adam(undefined as never), "Adam: expected a module or its parameters, got undefined"],
    ["an empty array", () => new SGD([]), "SGD: no parameters to train; the array is empty"],
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
      () => new Adam(slabsOf(new TwoHeads().parameters()), { groups: [{ parameters: net.fc }] }),
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
    const adam = new Adam(new TwoHeads());
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
    const two = new Adam([new TwoHeads(), new TwoHeads()].flatMap((each) => each.parameters()));
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
