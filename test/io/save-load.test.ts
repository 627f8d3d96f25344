/** Weights to a file and back, and what is said where they do not fit. */
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { relu } from "../../src/autograd/elementwise.ts";
import { globalAvgPool } from "../../src/autograd/spatial.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { load, save } from "../../src/io/save-load.ts";
import { fromTorch, readWeights, WeightsError } from "../../src/io/weights.ts";
import { initialValues } from "../../src/nn/init.ts";
import { BatchNorm2d, Conv2d, Linear } from "../../src/nn/layers.ts";
import { Module } from "../../src/nn/module.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

class Net extends Module {
  readonly conv = new Conv2d(3, 5, [3, 1], { bias: false });
  readonly bn = new BatchNorm2d(5);
  readonly fc: Linear;

  constructor(seed: number, classes = 4) {
    super();
    this.fc = new Linear(5, classes);
    this.finish(initialValues(seed));
  }

  forward(x: Tensor): Tensor {
    return this.fc.forward(globalAvgPool(relu(this.bn.forward(this.conv.forward(x)))));
  }
}

function make(seed: number, classes?: number): Net {
  const net = new Net(seed, classes);
  onTestFinished(() => net.release(gpu()));
  return net;
}

test("what is saved is loaded, bit for bit, and metadata stay", async () => {
  const [net, other] = [make(1), make(2)];
  const bytes = await save(gpu(), net, { note: "first" });
  expect(parseSafetensors(bytes, "saved").metadata).toEqual({ note: "first" });
  const { taken, left, missing } = await load(gpu(), other, bytes);
  expect([taken.length, left, missing]).toEqual([7, [], []]);
  expect(await other.stateDict(gpu())).toEqual(await net.stateDict(gpu()));
});

test("a file is told from torch.save's whatever the length of its header", async () => {
  const net = make(1);
  const own = await net.stateDict(gpu());
  let like = 0;
  for (let length = 0; length < 256; length += 8) {
    const bytes = serializeSafetensors(own, { note: "x".repeat(length + 1) });
    if (bytes[0] === 0x80 || bytes[0] === 0x50) like++;
    expect((await load(gpu(), net, bytes)).left).toEqual([]);
  }
  expect(like).toBeGreaterThan(0);
});

test("another last layer is ignored by name, and keeps its values", async () => {
  const [net, other] = [make(1), make(2, 9)];
  const before = await other.stateDict(gpu());
  const bytes = await save(gpu(), net);
  await expect(load(gpu(), other, bytes, { name: "a.safetensors" })).rejects.toThrow(
    "a.safetensors: fc.weight is [4, 5], the network has [9, 5]",
  );
  expect(await other.stateDict(gpu())).toEqual(before);
  const { left, missing } = await load(gpu(), other, bytes, { ignore: ["fc."] });
  expect([left, missing]).toEqual([
    ["fc.weight", "fc.bias"],
    ["fc.weight", "fc.bias"],
  ]);
  const after = await other.stateDict(gpu());
  expect(after.get("fc.weight")).toEqual(before.get("fc.weight"));
  expect(after.get("conv.weight")).toEqual((await net.stateDict(gpu())).get("conv.weight"));
  expect((await load(gpu(), other, bytes, { ignore: ["fc"] })).left).toEqual(["fc.weight", "fc.bias"]);
  await expect(load(gpu(), other, bytes, { ignore: ["f"] })).rejects.toThrow("ignore names f, which neither");
  await expect(load(gpu(), other, bytes, { ignore: ["fd."] })).rejects.toThrow("ignore names fd., which neither");
});

test("names that only one has are refused, unless it is not strict", async () => {
  const net = make(1);
  const state = await net.stateDict(gpu());
  state.delete("fc.bias");
  state.set("extra", { dtype: "F32", shape: [1], data: Float32Array.of(1) });
  await expect(load(gpu(), net, state)).rejects.toThrow(
    'the file: fc.bias [4] is missing; to keep the network\'s own, { ignore: ["fc.bias"] }',
  );
  await expect(load(gpu(), net, state, { ignore: ["fc.bias"] })).rejects.toThrow(
    "has extra, which is not part of the network",
  );
  expect(await load(gpu(), net, state, { strict: false })).toMatchObject({ left: ["extra"], missing: ["fc.bias"] });
  const none = new Map([["extra", { shape: [1], data: Float32Array.of(1) }]]);
  await expect(load(gpu(), net, none, { strict: false })).rejects.toThrow(WeightsError);
});

test("numbers of other types are widened; PyTorch's counters are left out without a word; a checkpoint gives its network", async () => {
  const net = make(1);
  const state = await net.stateDict(gpu());
  const bias = [1.5, -2, 0.25, 1024];
  const halves = Uint16Array.of(0x3e00, 0xc000, 0x3400, 0x6400);
  const brains = Uint16Array.of(0x3fc0, 0xc000, 0x3e80, 0x4480);
  for (const tensor of [
    { dtype: "F16", shape: [4], data: halves },
    { dtype: "BF16", shape: [4], data: brains },
    { dtype: "F64", shape: [4], data: Float64Array.from(bias) },
  ] as const) {
    const tensors = new Map<string, never>([...state, ["fc.bias", tensor]] as never);
    tensors.set("bn.num_batches_tracked", { dtype: "I64", shape: [], data: BigInt64Array.of(1n) } as never);
    const { left } = await load(gpu(), net, serializeSafetensors(tensors));
    expect(left).toEqual([]);
    expect([...(await net.stateDict(gpu())).get("fc.bias")!.data]).toEqual(bias);
  }
  const moments = [...state].map(([name, tensor]) => [`exp_avg.${name}`, tensor] as const);
  const checkpoint = serializeSafetensors(
    [...[...state].map(([name, tensor]) => [`model.${name}`, tensor] as const), ...moments],
    { format: "mganet-checkpoint-1" },
  );
  expect((await load(gpu(), net, checkpoint)).left).toEqual([]);
  expect(await net.stateDict(gpu())).toEqual(state);
  const wrong = new Map([
    ...state,
    ["fc.bias", { dtype: "I32", shape: [4], data: new Int32Array(4) }],
  ] as never) as never;
  await expect(load(gpu(), net, wrong)).rejects.toThrow("fc.bias is I32, of which weights are not made");
  await expect(load(gpu(), net, Uint8Array.of(0x50, 0x4b, 3, 4), { name: "a.pth" })).rejects.toThrow(
    "a.pth: is a file of torch.save: load(gpu, net, fromTorch(bytes))",
  );
});

test("of several state dicts in a file of torch.save, one has to be named; a command says which it takes", () => {
  const bytes = readFileSync(new URL("../reference/data/torch/several.pth", import.meta.url));
  const w = (key?: string) => [...fromTorch(bytes, "several.pth", key).get("w")!.data];
  expect(() => w()).toThrow(
    'several.pth: has weights under "ema" and "model": name one, as in fromTorch(bytes, name, "ema")',
  );
  expect([w("ema"), w("model")]).toEqual([[1, 2], [3, 4]]); // prettier-ignore
  expect(() => w("best")).toThrow('several.pth: has no weights under "best"; it has some under "ema" and "model"');
  const { tensors, notes } = readWeights(bytes, "several.pth");
  expect([...tensors.get("w")!.data]).toEqual([3, 4]);
  expect(notes).toEqual(['the weights under "model" are taken, not those under "ema"']);
});
