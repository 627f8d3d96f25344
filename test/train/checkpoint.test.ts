/** Checkpoints: what is written reads back, and anything invalid is refused. */
import { beforeAll, describe, expect, test } from "vitest";
import { stream } from "../../src/data/random.ts";
import {
  parseSafetensors,
  SafetensorsError,
  serializeSafetensors,
  type SafeTensor,
} from "../../src/data/safetensors.ts";
import { releaseVariables, writeVariable } from "../../src/graph/storage.ts";
import { Adam, adamDefaults } from "../../src/optim/adam.ts";
import {
  CheckpointError,
  isClassifier,
  loadMoments,
  loadWeights,
  parseCheckpoint,
  start,
  trainedPhase,
  writeCheckpoint,
  type Position,
} from "../../src/train/checkpoint.ts";
import { compactCheckpoint } from "../../src/train/compact.ts";
import { DivergedError } from "../../src/loop/diverged.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetModel, type MGANetConfig } from "../support/mganet.ts";
import { config } from "./support.ts";
import { everything } from "../support/selection.ts";

const gpu = useGpu();
const file = "run/last.safetensors";
const position: Position = {
  stage: 1,
  epoch: 1,
  batch: 2,
  sums: { loss: 1.5, cls: 1, seg: 1 },
  step: 13,
  adamSteps: 5,
};
const metrics = { images: 6, dice: 0.5, accuracy: 0.5, f1: 0.5, confusion: { tp: 1, fp: 1, fn: 1, tn: 1 } };
const best = { stage: "joint", epoch: 1, f1: 0.5, metrics };

/** A model with Adam over all of its parameters. */
function model(seed: number, settings = config) {
  const { net, phase } = mganetModel(settings, seed);
  return { net, adam: new Adam(phase("joint").slabs, adamDefaults) };
}

let bytes: Uint8Array;
beforeAll(async () => {
  const { net, adam } = model(1);
  bytes = await writeCheckpoint(gpu(), net, adam, { config, position, best });
});

test("a compact file holds the weights to half precision, and no optimiser's state", () => {
  const compact = compactCheckpoint(bytes, file);
  expect(compact.length).toBeLessThan(bytes.length / 5);
  const [whole, read] = [parseCheckpoint(bytes, file), parseCheckpoint(compact, "compact")];
  expect(read.moments.size).toBe(0);
  expect([read.config, read.position, read.best]).toEqual([whole.config, whole.position, whole.best]);
  expect([...read.model.keys()].sort()).toEqual([...whole.model.keys()].sort());
  for (const [name, { data, shape }] of read.model) {
    const exact = whole.model.get(name)!;
    expect(shape).toEqual(exact.shape);
    // Eleven bits; below the least normal number, 2^-24 steps.
    const far = data.findIndex((value, i) => {
      return Math.abs(value - exact.data[i]!) > Math.max(2 ** -11 * Math.abs(exact.data[i]!), 2 ** -25);
    });
    expect([name, far]).toEqual([name, -1]);
  }
  const { net, adam } = model(5);
  loadWeights(gpu(), net, read, "compact");
  expect(() => loadMoments(gpu(), adam, read, "compact")).toThrow(/^compact: optimiser state .* is missing/);
  const huge = changed({}, { "model.fc.bias": { dtype: "F32", shape: [2], data: Float32Array.of(0, 1e5) } });
  expect(() => compactCheckpoint(huge, "huge")).toThrow("huge: model.fc.bias has values that half precision cannot");
});

/** The checkpoint with other metadata and tensors; undefined leaves one out. */
function changed(metadata: Record<string, string | undefined>, tensors: Record<string, SafeTensor | undefined> = {}) {
  const original = parseSafetensors(bytes, file);
  const given = (entry: [string, unknown]) => entry[1] !== undefined;
  const merged = [...new Map<string, SafeTensor | undefined>([...original.tensors, ...Object.entries(tensors)])];
  const texts = Object.entries({ ...original.metadata, ...metadata }).filter(given) as [string, string][];
  return serializeSafetensors(merged.filter(given) as [string, SafeTensor][], Object.fromEntries(texts));
}

/** Reads a checkpoint and puts it into a model, as resuming does. */
function load(given: Uint8Array): void {
  const checkpoint = parseCheckpoint(given, file);
  const { net, adam } = model(0, checkpoint.config as MGANetConfig);
  try {
    loadWeights(gpu(), net, checkpoint, file);
    loadMoments(gpu(), adam, checkpoint, file);
  } finally {
    releaseVariables(gpu(), [...[...net.named()].map(([, p]) => p), ...adam.state.map(([, v]) => v)]);
  }
}

test("a checkpoint that was read is written with the same bytes", async () => {
  const checkpoint = parseCheckpoint(bytes, file);
  expect(checkpoint).toMatchObject({ config, position, best });
  const { net, adam } = model(2);
  loadWeights(gpu(), net, checkpoint, file);
  loadMoments(gpu(), adam, checkpoint, file);
  expect(adam.steps).toBe(5);
  expect(Buffer.from(await writeCheckpoint(gpu(), net, adam, checkpoint)).equals(bytes)).toBe(true);
});

describe("a checkpoint is refused, by one line that names the file and the reason,", () => {
  const json = (value: unknown) => JSON.stringify(value);
  const zeros = (...shape: number[]): SafeTensor => {
    return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  };
  const f32 = (...values: number[]): SafeTensor => {
    return { dtype: "F32", shape: [values.length], data: Float32Array.from(values) };
  };
  const cases: [string, () => Uint8Array, RegExp][] = [
    ["of another program", () => changed({ format: "pt" }), /not a checkpoint of this program \(format pt\)/],
    ["without a format", () => changed({ format: undefined }), /PicturePredictor\.of\(gpu, net/],
    ["whose position is not JSON", () => changed({ position: "{" }), /metadata position is not JSON/],
    ["without a position", () => changed({ position: undefined }), /metadata position is invalid/],
    ["at stage 7", () => changed({ position: json({ ...position, stage: 7 }) }), /metadata position is invalid/],
    ["at epoch -1", () => changed({ position: json({ ...position, epoch: -1 }) }), /metadata position is invalid/],
    ["whose best is a number", () => changed({ best: "1" }), /metadata best is invalid/],
    ["whose best has no metrics", () => changed({ best: json({ ...best, metrics: 1 }) }), /metadata best is invalid/],
    ["without a configuration", () => changed({ config: undefined }), /configuration: /],
    ["with an unknown setting", () => changed({ config: json({ ...config, speed: 1 }) }), /speed/],
    [
      "with a size of 100",
      () => changed({ config: json({ ...config, size: [100, 96] }) }),
      /size\.0: .*multiple of 32/,
    ],
    [
      "of width 4",
      () => changed({ config: json({ ...config, width: 4 }) }),
      /: classifier\.conv1\.weight is \[4, 3, 7, 7\], the model has \[256, 3, 7, 7\]$/,
    ],
    ["of a width of 1e9", () => changed({ config: json({ ...config, width: 1e9 }) }), /width: /],
    [
      "of fusion spatial",
      () => changed({ config: json({ ...config, fusion: "spatial" }) }),
      /mga\.L0\.fc1\.weight is not part/,
    ],
    [
      "of every block",
      () => changed({ config: json({ ...config, at: "every-block" }) }),
      /mga\.L1\.fc1\.weight is not part/,
    ],
    ["of fewer scales", () => changed({ config: json({ ...config, at: [0, 1] }) }), /mga\.L2\.fc1\.weight is not part/],
    ["that lacks a weight", () => changed({}, { "model.fc.weight": undefined }), /: fc\.weight is missing$/],
    ["with a weight too many", () => changed({}, { "model.fc.scale": zeros(2) }), /fc\.scale is not part of the model/],
    ["with an unknown tensor", () => changed({}, { "ema.fc.weight": zeros(2) }), /unknown tensor ema\.fc\.weight/],
    [
      "with a weight of another shape",
      () => changed({}, { "model.fc.weight": zeros(32, 2) }),
      /fc\.weight is \[32, 2\], the model has \[2, 32\]/,
    ],
    [
      "that lacks a moment",
      () => changed({}, { "exp_avg.fc.bias": undefined }),
      /optimiser state exp_avg\.fc\.bias is missing/,
    ],
    [
      "with a moment of another shape",
      () => changed({}, { "exp_avg_sq.fc.bias": zeros(3) }),
      /exp_avg_sq\.fc\.bias is missing or of another shape/,
    ],
    [
      "with integers for weights",
      () => changed({}, { "model.fc.bias": { dtype: "I32", shape: [2], data: new Int32Array(2) } }),
      /model\.fc\.bias is I32, expected F32/,
    ],
    [
      "with NaN in it",
      () => changed({}, { "model.fc.bias": { dtype: "F32", shape: [2], data: Float32Array.of(0, NaN) } }),
      /model\.fc\.bias holds values that are not finite/,
    ],
    [
      "with a negative running variance",
      () => changed({}, { "model.classifier.bn1.running_var": f32(1, 0, -0.5, 1) }),
      /: classifier\.bn1\.running_var contains a negative variance, -0\.5$/,
    ],
    [
      "with a negative mean square",
      () => changed({}, { "exp_avg_sq.fc.bias": f32(0, -1) }),
      /: exp_avg_sq\.fc\.bias holds a negative mean square, -1$/,
    ],
  ];
  test.each(cases)("%s", (_, make, reason) => {
    let error: unknown;
    try {
      load(make());
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(CheckpointError);
    const { message } = error as Error;
    expect(message).toMatch(reason);
    expect(message.startsWith(`${file}: `)).toBe(true);
    expect(message).not.toContain("\n");
  });
});

const MUTATIONS = everything ? 500 : 100;
test(`${MUTATIONS} mutations: each loads, or is refused in one line`, () => {
  const random = stream(500);
  const below = (n: number) => (random.next() >>> 0) % n;
  const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  let refused = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    let mutated = bytes.slice();
    // Bytes of the length, of the header, of the metadata at its beginning, or anywhere; or the end is missing.
    const range = [8, header, 1500, bytes.length][i % 4]!;
    for (let flips = 1 + below(i % 8 < 4 ? 1 : 20); flips > 0; flips--) mutated[below(range)]! ^= 1 << below(8);
    if (i % 25 === 0) mutated = mutated.subarray(0, below(bytes.length));
    try {
      load(mutated);
    } catch (error) {
      refused++;
      expect(error instanceof CheckpointError || error instanceof SafetensorsError, String(error)).toBe(true);
      expect((error as Error).message).toMatch(/^run\/last\.safetensors: .+$/);
    }
  }
  expect(refused).toBeGreaterThan(MUTATIONS / 2);
  expect(refused).toBeLessThan(MUTATIONS);
});

test("values that are not finite are not written", async () => {
  const { net, adam } = model(1);
  const checkpoint = parseCheckpoint(bytes, file);
  loadWeights(gpu(), net, checkpoint, file);
  writeVariable(gpu(), net.fc.bias, Float32Array.of(Infinity, 0));
  const writing = writeCheckpoint(gpu(), net, adam, { config, position, best });
  await expect(writing).rejects.toThrow(new DivergedError("step 13: model.fc.bias is not finite"));
});

test.each([
  [start, 2, undefined],
  [{ ...start, epoch: 1, batch: 1 }, 2, "segmentation"],
  [{ ...start, stage: 1 }, 2, "segmentation"],
  [{ ...start, stage: 1, batch: 1 }, 2, "joint"],
  [{ ...start, stage: 1, epoch: 1 }, 2, "joint"],
  [{ ...start, stage: 2 }, 2, "joint"],
  [{ ...start, stage: 2 }, 0, "segmentation"],
] as const)("at %o of %d joint epochs, what has been trained last is %s", (at, joint, stage) => {
  const checkpoint = parseCheckpoint(bytes, file);
  const epochs = { ...config.epochs, joint };
  const given = { ...checkpoint, config: { ...config, epochs }, position: at };
  expect(trainedPhase(given)?.name).toBe(stage);
  expect(isClassifier(given)).toBe(stage === "joint");
});
