/** What all optimisers share: state, parts of a net, parameters without a gradient, clipping. */
import { describe, expect, test } from "vitest";
import { mul, sum, add } from "../../src/autograd/elementwise.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { compile, type NamedTensors } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { readVariable, writeVariable } from "../../src/graph/storage.ts";
import { Parameter } from "../../src/nn/module.ts";
import { Adam, AdamW } from "../../src/optim/adam.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";

import { image, label, lossesOf, TwoHeads } from "../support/two-heads.ts";

const gpu = useGpu();
const useSmall = useGpu({ maxBindingBytes: 48 * 1024 });

/** A function that takes steps of these optimisers, recorded in one graph, and returns the losses. */
async function training(net: TwoHeads, ...all: Optimizer[]) {
  const { graph, both: loss } = lossesOf(net);
  const updates = all.flatMap((optimizer, i) => optimizer.record(graph, loss, `hyper${i}`).updates);
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates });
  return async (steps: number) => {
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const hyper = Object.fromEntries(all.map((optimizer, k) => [`hyper${k}`, optimizer.advance()]));
      losses.push((await plan.run({ image, label, ...hyper })).loss[0]!);
    }
    return losses;
  };
}

const weights = async (net: TwoHeads) =>
  new Map([...(await net.stateDict(gpu()))].map(([name, { data }]) => [name, data] as const));

const makers: Record<string, (net: TwoHeads) => Optimizer> = {
  Adam: (net) => new Adam(net, { lr: 0.01, weightDecay: 0.1, clip: 0.5, groups: [{ parameters: net.fc, lr: 0.02 }] }),
  AdamW: (net) => new AdamW(net, { lr: 0.01, clip: 0.5, groups: [{ parameters: [net.bn.weight], weightDecay: 0 }] }),
  SGD: (net) => new SGD(net, { lr: 0.1, momentum: 0.9, dampening: 0.2, weightDecay: 0.1, clip: 0.5 }),
  "plain SGD": (net) => new SGD(net, { lr: 0.1 }),
};

describe.each(Object.entries(makers))("%s", (_, make) => {
  test("learns, and goes on from its state dict bit for bit", async () => {
    const whole = new TwoHeads();
    const losses = await (await training(whole, make(whole)))(12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    const first = new TwoHeads();
    const optimizer = make(first);
    const begun = await (await training(first, optimizer))(5);
    const [net, state] = [await first.stateDict(gpu()), await optimizer.stateDict(gpu())];
    const saved = parseSafetensors(serializeSafetensors(state), "state").tensors;
    const second = new TwoHeads();
    second.loadStateDict(gpu(), net);
    const again = make(second);
    again.loadStateDict(gpu(), saved);
    expect(again.steps).toBe(5);
    expect([...begun, ...(await (await training(second, again))(7))]).toEqual(losses);
    expect(await weights(second)).toEqual(await weights(whole));
  });

  test("leaves everything as it is when the gradients are not finite", async () => {
    const net = new TwoHeads();
    const optimizer = make(net);
    const { graph, both: loss } = lossesOf(net);
    const { updates, guard } = optimizer.record(graph, loss, "hyper");
    // Without the running statistics, which a forward pass in training updates.
    const plan = await compile(gpu(), graph, { outputs: { guard }, updates });
    await plan.run({ image, label, hyper: optimizer.advance() });
    const [before, state] = [await weights(net), await optimizer.stateDict(gpu())];
    const bad = image.slice();
    bad[7] = NaN;
    expect((await plan.run({ image: bad, label, hyper: optimizer.advance() })).guard[0]).not.toSatisfy(Number.isFinite);
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
    const [whole, parted] = [new TwoHeads(), new TwoHeads()];
    const expected = await (await training(whole, new Adam(whole, options)))(5);
    const body = new Adam([...parted.conv.parameters(), ...parted.bn.parameters()], options);
    const heads = new Adam([...parted.fc.parameters(), ...parted.aux.parameters()], options);
    expect(await (await training(parted, body, heads))(5)).toEqual(expected);
    expect(await weights(parted)).toEqual(await weights(whole));
  });

  test("groups without options of their own change nothing", async () => {
    const [whole, grouped] = [new TwoHeads(), new TwoHeads()];
    const expected = await (await training(whole, new AdamW(whole, options)))(5);
    const groups = [{ parameters: grouped.fc }, { parameters: [grouped.conv.weight] }];
    expect(await (await training(grouped, new AdamW(grouped, { ...options, groups })))(5)).toEqual(expected);
  });

  test("which another one trains already, whole or in part", async () => {
    const [net, fresh] = [new TwoHeads(), new TwoHeads()];
    const first = new Adam(net, options);
    const trained = await training(net, first);
    // Apart in the slab of the first, with another parameter between them.
    const some = (of: TwoHeads) => [of.fc.weight, of.conv.weight, of.aux.weight, of.aux.bias];
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
      results.push(out["norm"], await readVariable(on, p), await readVariable(on, q));
      expect(plan.steps.filter(({ label }) => label === "gradientSquares").length).toBe(on === small ? 5 : 2);
      plan.destroy();
      adam.release(on);
    }
    expect(results.slice(3)).toEqual(results.slice(0, 3));
  });

  test("are updated in as few dispatches as slabs and gaps need", async () => {
    const net = new TwoHeads();
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
    const net = new TwoHeads();
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
    const net = new TwoHeads();
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
      const net = new TwoHeads();
      const adam = new Adam(net, { lr: 0.01, ...(clip && { clip }) });
      losses.push(await (await training(net, adam))(4));
    }
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
  });

  test("returns the norm of the gradients that record returns", async () => {
    const net = new TwoHeads();
    const { graph, both } = lossesOf(net);
    const sgd = new SGD(net, { lr: 0.1, clip: Infinity, groups: [{ parameters: net.fc }, { parameters: net.conv }] });
    const { updates, norm, gradients } = sgd.record(graph, both);
    const named = Object.fromEntries([...gradients].map(([{ name }, gradient]) => [name, gradient]));
    const outputs: NamedTensors = { ...named, gradientNorm: norm! };
    const plan = await compile(gpu(), graph, { outputs, updates });
    const { gradientNorm, ...all } = await plan.run({ image, label, sgd: sgd.advance() });
    const expected = Math.hypot(...Object.values(all).flatMap((values) => [...values]));
    expect(relativeError(gradientNorm!, [expected])).toBeLessThanOrEqual(1e-6);
  });
});
