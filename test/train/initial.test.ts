/** Runs that begin from an earlier model, and a branch of it that stays as it is. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Batch } from "../../src/data/sample.ts";
import { parseSafetensors, serializeSafetensors, type SafeTensor } from "../../src/data/safetensors.ts";
import { models } from "../../src/models/registry.ts";
import { toTorch, torchShape } from "../../src/nn/layout.ts";
import type { StateDict } from "../../src/nn/module.ts";
import { Adam } from "../../src/optim/adam.ts";
import { openModel } from "../../src/runs/open-model.ts";
import { buildModel } from "../../src/train/build.ts";
import { parseCheckpoint, start, trainedPhase, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { checkConfig, outlinesOf, PHANTOM, presetFor, type TrainConfig } from "../../src/train/config.ts";
import {
  beginningTexts,
  initialWeights,
  parseSource,
  partOf,
  takenText,
  type RunSource,
  type Source,
  type WeightsSource,
} from "../../src/train/initial.ts";
import { initOf } from "../../src/train/origin.ts";
import { sharedPhase, trainingKey } from "../../src/train/pretrained.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetConfig, mganetModel, type MGANetConfig } from "../support/mganet.ts";
import { slow } from "../support/selection.ts";
import { earlier, file, frozenOf, train as trainOn, tuningOf, type Ended } from "./earlier.ts";
import { config, joint, MadeUpData } from "./support.ts";

const gpu = useGpu();
let sourceBytes: Uint8Array;
let source: RunSource;
let batches: Batch[];
beforeAll(async () => {
  ({ bytes: sourceBytes, source } = await earlier(gpu()));
  batches = [];
  for await (const batch of new MadeUpData().epoch(joint, { epoch: 0, startBatch: 0 })) batches.push(batch);
});

const train = (settings: TrainConfig, begin: (trainer: Trainer) => void, most?: number): Promise<Ended> =>
  trainOn(gpu(), settings, begin, most);
const tuning = (changes?: Partial<MGANetConfig>) => tuningOf(source, changes);
const frozen = (changes?: Partial<MGANetConfig>) => frozenOf(source, changes);

/** As `fitRun` begins it. @returns the run's first checkpoint */
async function firstOf(settings: TrainConfig): Promise<Uint8Array> {
  const trainer = new Trainer(gpu(), settings, new MadeUpData());
  trainer.begin(initialWeights(settings, [source]));
  const bytes = await trainer.checkpoint();
  trainer.release();
  return bytes;
}

const begun = (settings: TrainConfig) => (trainer: Trainer) => trainer.begin(initialWeights(settings, [source]));
const resumed = (bytes: Uint8Array) => (trainer: Trainer) => trainer.resume(parseCheckpoint(bytes, "last"), "last");
const weightsIn = (bytes: Uint8Array) => parseCheckpoint(bytes, "last").model;

/** Names of the tensors whose bits differ. */
function changedIn(bytes: Uint8Array): Set<string> {
  const before = source.checkpoint.model;
  return new Set(
    [...weightsIn(bytes)]
      .filter(([name, { data }]) => before.get(name)!.data.some((v, i) => v !== data[i]))
      .map(([name]) => name),
  );
}

/** What a checkpoint says of images. */
async function predictionsOf(bytes: Uint8Array) {
  const checkpoint = parseCheckpoint(bytes, "last");
  using open = openModel(gpu(), { checkpoint, file: "last" });
  const predictor = await open.predictor({ batch: 4 });
  const found = await predictor.predict(batches[0]!.image);
  return { found, isClassifier: open.isClassifier, hasOutlines: open.hasOutlines };
}

describe("a run that begins from an earlier model", () => {
  test("predicts before its first step what that predicts, bit for bit, whatever is trained next", async () => {
    const before = await predictionsOf(sourceBytes);
    expect([before.isClassifier, before.hasOutlines]).toEqual([true, true]);
    for (const settings of [tuning(), frozen(), tuning({ epochs: { segmentation: 1, joint: 0 } })]) {
      expect(await predictionsOf(await firstOf(settings))).toEqual(before);
    }
  });

  test.each(["none", "segmentation"])(
    "keeps all parameters at a learning rate of 0 with %s frozen, and what is frozen its statistics",
    async (freeze) => {
      const settings = freeze === "none" ? tuning() : frozen();
      const { net, phase } = mganetModel(settings);
      net.loadStateDict(gpu(), initialWeights(settings, [source]).state);
      const step = await TrainingStep.create(gpu(), phase("joint"), new Adam(phase("joint").slabs), settings);
      for (const batch of batches) await step.run(batch, 0);
      const bytes = await writeCheckpoint(gpu(), net, undefined, {
        config: settings,
        position: start,
        best: undefined,
      });
      const changed = changedIn(bytes);
      const statistics = [...source.checkpoint.model.keys()].filter((name) => /\.running_(mean|var)$/.test(name));
      expect(changed).toEqual(
        new Set(statistics.filter((name) => freeze === "none" || !name.startsWith("segmenter."))),
      );
      step.plan.destroy();
      net.release(gpu());
    },
  );

  test("is in its checkpoint with file, hash and what that had learned; old configurations have neither", () => {
    expect(source.origin).toEqual({
      ...{ file, model: "mganet", phase: "joint", outlines: true, classes: ["benign", "malignant"] },
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(config).not.toHaveProperty("init");
    const old = Object.entries(config).filter(([name]) => name !== "freeze");
    expect(checkConfig(Object.fromEntries(old))).toEqual(config);
  });

  test("shares no phase with others, and is told from runs that begin elsewhere", () => {
    expect([sharedPhase(config)?.name, sharedPhase(tuning()), sharedPhase(frozen())]).toEqual([
      "segmentation",
      undefined,
      undefined,
    ]);
    const other = { ...source.origin, sha256: "0".repeat(64) };
    const keys = [
      config,
      tuning(),
      tuning({ init: other }),
      tuning({ epochs: { segmentation: 0, joint: 2 } }),
      frozen(),
    ].map(trainingKey);
    expect(new Set(keys).size).toBe(5);
  });
});

describe.each([
  ["", false, {}],
  [", recomputing", true, slow],
] as const)("with the segmentation branch frozen%s", (_, recompute, options) => {
  let whole: Ended | undefined;
  const trained = async () => (whole ??= await train(frozen({ recompute }), begun(frozen({ recompute }))));

  test(
    "that branch keeps all its bits, running statistics included, and everything else is trained",
    options,
    async () => {
      const { last } = await trained();
      const changed = changedIn(last);
      const same = [...source.checkpoint.model.keys()].filter((name) => !changed.has(name));
      expect(same.filter((name) => name.startsWith("segmenter."))).toEqual(
        [...source.checkpoint.model.keys()].filter((name) => name.startsWith("segmenter.")),
      );
      // The few units of a module may all be off.
      expect(same.filter((name) => !/^(segmenter|mga)\./.test(name))).toEqual([]);
      // Nor has the optimiser anything of it.
      const { moments } = parseCheckpoint(last, "last");
      expect([...moments.keys()].filter((name) => name.includes("segmenter."))).toEqual([]);
      expect(moments.has("exp_avg.fc.weight")).toBe(true);
    },
  );

  test(
    "stopped within an epoch, or before its first step, it resumes to the same bits without the source",
    options,
    async () => {
      const settings = frozen({ recompute });
      const uninterrupted = await trained();
      const stopped = await train(settings, begun(settings), 1);
      expect(parseCheckpoint(stopped.last, "last").position).toMatchObject({ stage: 1, epoch: 0, batch: 2 });
      for (const from of [stopped.last, await firstOf(settings)]) {
        const { last, records } = await train(settings, resumed(from));
        expect(Buffer.from(last).equals(Buffer.from(uninterrupted.last)), "the bytes of the last checkpoint").toBe(
          true,
        );
        expect(records).toEqual(uninterrupted.records);
      }
    },
  );
});

/** A checkpoint of a network with other initial values, as if it had been trained. */
function made(settings: TrainConfig, outlines = true): RunSource {
  const { net, spec } = buildModel({ ...settings, seed: 9 });
  const model = new Map(
    [...net.named()].map(([name, { shape, layout, size, initial }]) => {
      const data = toTorch(initial ?? new Float32Array(size), shape, layout);
      return [name, { shape: torchShape(shape, layout), data }];
    }),
  );
  const position = { ...start, stage: spec.phases.length };
  const classes = [...(settings.classes ?? ["benign", "malignant"])];
  const phase = spec.phases.at(-1)!.name;
  const origin = { file, sha256: "1".repeat(64), model: spec.id, phase, outlines, classes };
  return { checkpoint: { config: settings, position, best: undefined, model, moments: new Map() }, origin };
}

function beginning(settings: TrainConfig, from: RunSource) {
  const { parts, ...whole } = initialWeights(checkConfig({ ...settings, init: from.origin }), [from]);
  return { ...whole, ...parts[0]! };
}

/** The smallest configuration of a model. */
const smallest = (model: string, changes: object = {}) =>
  checkConfig({ ...presetFor("quick", PHANTOM, model), width: 1 / 16, size: [96, 96], ...changes });

const kinds = ["benign solid", "benign cystic", "malignant"];

describe("other classes", () => {
  test.each(models.map(({ id }) => id))("leave %s its fresh last layer, and nothing else", (id) => {
    const heads: Record<string, RegExp> = {
      inception_v3: /^(AuxLogits\.)?fc\./,
      ...{ vgg16: /^classifier\.6\./, vgg16_bn: /^classifier\.6\./ },
      ...{ vit_b_16: /^heads\.head\./, swin_t: /^head\./ },
    };
    const from = made(smallest(id));
    const { state, fresh, ...part } = beginning(smallest(id, { classes: kinds, positive: "malignant" }), from);
    const { taken, left } = part;
    const head = heads[id] ?? /^fc\./;
    expect(fresh).toEqual([...from.checkpoint.model.keys()].filter((name) => head.test(name)));
    expect([left, fresh.length]).toEqual([fresh, id === "inception_v3" ? 4 : 2]);
    expect(taken.length).toBe(from.checkpoint.model.size - fresh.length);
    for (const name of fresh) expect(state.get(name)!.shape[0], name).toBe(3);
    for (const name of taken) expect(state.get(name)).toBe(from.checkpoint.model.get(name));
    expect(takenText(part, fresh)).toMatch(/^\d+ tensors taken; left: 2 of .*; initial values: 2 of /);
  });

  test.each([
    [["benign", "malignant"], 0],
    [["Benign", " malignant"], 0],
    [["malignant", "benign"], 2],
    [["normal", "malignant"], 2],
  ])("are those with another name or order: %j", (classes, fresh) => {
    expect(beginning({ ...config, classes }, made(config)).fresh.length).toBe(fresh);
  });

  test("have to be learned before they are predicted", () => {
    const position = { ...start, stage: 1 };
    const settings = frozen({ classes: kinds, positive: "malignant" });
    expect(trainedPhase({ config: frozen(), position })!.name).toBe("joint");
    expect(trainedPhase({ config: settings, position })!.name).toBe("segmentation");
    expect(trainedPhase({ config: settings, position: { ...position, epoch: 1 } })!.name).toBe("joint");
    const { origin } = made(smallest("resnet34"));
    expect(
      trainedPhase({ config: smallest("resnet34", { classes: kinds, init: origin }), position: start }),
    ).toBeUndefined();
  });
});

test.each<[string, Partial<MGANetConfig>, Partial<MGANetConfig>, string]>([
  [
    "parallel to none",
    {},
    { fusion: "none" },
    "334 tensors taken; left: 4 of mga.L0, 4 of mga.L1, 4 of mga.L2, 4 of mga.L3, 4 of mga.L4",
  ],
  [
    "none to serial",
    { fusion: "none" },
    { fusion: "serial", at: [2] },
    "334 tensors taken; initial values: 4 of mga.L2",
  ],
  [
    "L0, L1 to L1, L2",
    { at: [0, 1] },
    { at: [1, 2] },
    "338 tensors taken; left: 4 of mga.L0; initial values: 4 of mga.L2",
  ],
  [
    "parallel to SE",
    { at: [4] },
    { fusion: "se", at: [4] },
    "334 tensors taken; left: 4 of mga.L4; initial values: 2 of se.L4",
  ],
  ["L0 to every block", { at: [0] }, { at: "every-block" }, "338 tensors taken; initial values: 4 of mga.L1_0, "],
])("modules may differ: %s", (_, before, now, text) => {
  const weights = beginning({ ...config, ...now }, made(mganetConfig({ ...config, ...before })));
  expect(takenText(weights, weights.fresh)).toContain(text);
  const names = [...buildModel({ ...config, ...now }).net.named()].map(([name]) => name);
  expect([...weights.state.keys()]).toEqual(names);
});

describe("several files", () => {
  const checkpoint = made(config);
  /** Another program's weights of a branch. */
  const branch = (module: string, name = `${module}.pth`): WeightsSource => {
    const tensors: StateDict = new Map(
      [...made(config).checkpoint.model]
        .filter(([name]) => name.startsWith(`${module}.`))
        .map(([name, { shape, data }]) => [name.slice(module.length + 1), { shape, data: data.map((v) => v + 1) }]),
    );
    const origin = { file: name, sha256: (module.length % 10).toString().repeat(64), format: "torch" } as const;
    return { weights: { tensors, format: "torch", notes: [] }, origin };
  };
  const from = (sources: readonly Source[], changes: Partial<MGANetConfig> = {}) => {
    const init = initOf(sources.map(({ origin }) => origin))!;
    const settings = checkConfig({ ...config, ...changes, init });
    return { settings, initial: initialWeights(settings, sources) };
  };
  const within = (names: readonly string[], module: string) => names.every((name) => name.startsWith(`${module}.`));

  test("give a branch each, found or named; the rest begins as the seed says", () => {
    const sources = [branch("classifier"), partOf(checkpoint, "segmenter")];
    const { initial } = from(sources);
    const [classifier, segmenter] = initial.parts;
    expect([within(classifier!.taken, "classifier"), within(segmenter!.taken, "segmenter")]).toEqual([true, true]);
    expect(classifier!.taken.length + segmenter!.taken.length + initial.fresh.length).toBe(initial.state.size);
    expect(initial.fresh.every((name) => /^(fc|mga)\./.test(name))).toBe(true);
    expect(initial.state.get("segmenter.head.weight")).toBe(checkpoint.checkpoint.model.get("segmenter.head.weight"));
    const given = (sources[0] as WeightsSource).weights.tensors.get("conv1.weight");
    expect(initial.state.get("classifier.conv1.weight")).toBe(given);
    expect(beginningTexts(initial)).toEqual([
      `Begins from classifier.pth: ${classifier!.taken.length} tensors taken; the weights are of the classifier`,
      `Begins from ${file} (segmenter): ${segmenter!.taken.length} tensors taken`,
      expect.stringMatching(/^Initial values of the seed: 2 of fc, 4 of mga\.L0/),
    ]);
    const named = partOf(branch("classifier"), "classifier");
    expect(initialWeights({ ...from([named, sources[1]!]).settings }, [named, sources[1]!]).state).toEqual(
      initial.state,
    );
  });

  test.each(["mga", "mga.L0", "segmenter.encoder.layer1"])("give %s, a list of modules or one of it", (part) => {
    const names = [...checkpoint.checkpoint.model.keys()].filter((name) => name.startsWith(`${part}.`));
    expect(names.length).toBeGreaterThan(1);
    for (const source of [checkpoint, branch(part)]) {
      const { initial } = from([partOf<Source>(source, part)]);
      expect(new Set(initial.parts[0]!.taken)).toEqual(new Set(names));
      expect(initial.fresh.some((name) => names.includes(name))).toBe(false);
    }
  });

  test("of a whole network's weights, only the named part is taken", () => {
    const whole: WeightsSource = {
      weights: { tensors: checkpoint.checkpoint.model, format: "safetensors", notes: [] },
      origin: { file: "whole.safetensors", sha256: "7".repeat(64), format: "safetensors", module: "segmenter" },
    };
    const { initial } = from([whole, branch("classifier")]);
    expect(within(initial.parts[0]!.taken, "segmenter")).toBe(true);
    expect(initial.state.get("segmenter.head.weight")!.data).toEqual(
      checkpoint.checkpoint.model.get("segmenter.head.weight")!.data,
    );
  });

  test("are what the run has learned already, and what it may keep", () => {
    const ofRun = partOf(checkpoint, "segmenter");
    const { settings } = from([ofRun, branch("classifier")]);
    expect(outlinesOf(settings).learned).toBe(true);
    expect(trainedPhase({ config: settings, position: start })!.name).toBe("segmentation");
    const epochs = { segmentation: 0, joint: 1 };
    expect(from([ofRun, branch("classifier")], { epochs, freeze: "segmentation" }).settings.freeze).toBe(
      "segmentation",
    );
    const other = [branch("segmenter"), partOf(checkpoint, "classifier")];
    expect(trainedPhase({ config: from(other).settings, position: start })).toBeUndefined();
    expect(() => from(other, { epochs, freeze: "segmentation" })).toThrow(
      "segmenter.pth does not say what it has learned: the segmentation branch must be trained",
    );
    const without = [partOf(checkpoint, "classifier"), partOf(checkpoint, "fc")];
    expect(outlinesOf(from(without).settings)).toEqual(outlinesOf(config));
    expect(() => from(without, { epochs, freeze: "segmentation" })).toThrow(
      "the segmentation branch would stay at random values",
    );
  });

  test("that overlap, are missing or in another order, and parts that there are not, are refused", () => {
    expect(() => from([checkpoint, branch("classifier")])).toThrow(
      `init: ${file} and classifier.pth both give classifier.conv1.weight: name the part that is to be taken of each, as in --init ` +
        "classifier=classifier.pth",
    );
    expect(() => from([branch("classifier"), branch("classifier", "other.pth")])).toThrow(
      "classifier.pth and other.pth both give classifier.conv1.weight",
    );
    const two = [branch("classifier"), partOf(checkpoint, "segmenter")];
    const { settings } = from(two);
    expect(() => initialWeights(settings, two.slice(0, 1))).toThrow(`the weights of ${file} are not at hand`);
    expect(() => initialWeights(settings, [two[1]!, two[0]!])).toThrow("is not the file that the run begins from");
    expect(() => from([partOf(checkpoint, "decoder")])).toThrow(
      `${file}: the network has no part decoder; its parts are classifier, segmenter, fc, mga`,
    );
    const otherClasses = { classes: ["a", "b", "c"], positive: "c" };
    expect(() => from([partOf(checkpoint, "fc")], otherClasses)).toThrow(
      `${file}: nothing of fc is taken: its classes are benign, malignant, not a, b, c`,
    );
    expect(() => from([partOf(branch("fc"), "fc")], otherClasses)).toThrow(
      /^fc\.pth: does not fit fc: fc\.weight is \[2, (\d+)\], the network has \[3, \1\]$/,
    );
    expect(() => from([partOf(checkpoint, "mga.L0")], { at: [1] })).toThrow(`${file}: the network has no part mga.L0`);
    expect(() => from([partOf(branch("classifier"), "segmenter")])).toThrow(
      "classifier.pth: none of its weights has a name of segmenter's, such as encoder.conv1.weight; its first is conv1.weight",
    );
    expect(() => checkConfig({ ...config, init: [checkpoint.origin] })).toThrow("init");
  });
});

describe("what does not fit is refused in one line", () => {
  test.each<[string, TrainConfig, TrainConfig, string]>([
    [
      "width",
      smallest("mganet", { width: 1 / 8 }),
      smallest("mganet"),
      "classifier.conv1.weight is [8, 3, 7, 7], the new network has [4, 3, 7, 7]; its width is 0.125, not 0.0625",
    ],
    [
      "depth",
      smallest("vit_b_16", { depth: 1 }),
      smallest("vit_b_16"),
      "the new network has no encoder.layers.encoder_layer_6.",
    ],
    ["less depth", smallest("swin_t", { depth: 1 / 3 }), smallest("swin_t"), "is missing; its depth is 0.3"],
    [
      "size",
      smallest("vit_b_16", { size: [32, 32] }),
      smallest("vit_b_16"),
      "encoder.pos_embedding is [1, 5, 48], the new network has [1, 37, 48]; its size is 32×32, not 96×96",
    ],
  ])("%s", (_, before, now, reason) => {
    expect(() => beginning(now, made(before))).toThrow(`${file}: `);
    expect(() => beginning(now, made(before))).toThrow(reason);
  });

  test("another model, another file, and a phase that the model has not", () => {
    const resnet = made(smallest("resnet34"));
    expect(() => beginning(config, resnet)).toThrow(`init: ${file} is a checkpoint of resnet34, not of mganet`);
    expect(() => initialWeights(tuning(), [made(config)])).toThrow(
      `init: ${file} is not the file that the run begins from`,
    );
    expect(() => tuning({ init: { ...source.origin, phase: "training" } })).toThrow(
      "init.phase: mganet has no phase training",
    );
  });

  test("freezing what is trained, what nobody trained, and what there is not", () => {
    const untaught = { ...source.origin, outlines: false };
    const refused = (make: () => unknown, reason: string) => expect(make).toThrow(reason);
    refused(
      () => frozen({ epochs: { segmentation: 1, joint: 2 } }),
      "epochs.segmentation: must be 0 when the segmentation branch is frozen",
    );
    refused(
      () => mganetConfig({ ...config, freeze: "segmentation" }),
      "freeze: the segmentation branch would stay at random values",
    );
    refused(() => frozen({ init: untaught }), `freeze: the segmentation branch of ${file} has learned nothing`);
    refused(() => frozen({ freeze: "joint" as never }), 'freeze: must be "none" or "segmentation", got "joint"');
    for (const { id } of models.slice(1))
      refused(() => smallest(id, { freeze: "segmentation" }), "has the unknown entry freeze");
  });

  test("files that are no checkpoint, hold other tensors than they say, or nothing that was trained", async () => {
    const { metadata, tensors } = parseSafetensors(sourceBytes, file);
    const changed = (other: typeof tensors, meta = {}) =>
      parseSource(serializeSafetensors(other, { ...metadata, ...meta }), file);
    await expect(parseSource(new Uint8Array(100), file)).rejects.toThrow(`${file}: `);
    const without = new Map([...tensors].filter(([name]) => name !== "model.mga.L2.fc1.weight"));
    await expect(changed(without)).rejects.toThrow(`${file}: mga.L2.fc1.weight is missing`);
    const withTensor = (name: string, length: number) => {
      const tensor: SafeTensor = { dtype: "F32", shape: [length], data: new Float32Array(length) };
      return changed(new Map([...tensors, [`model.${name}`, tensor]]));
    };
    await expect(withTensor("se.L0.fc1.weight", 2)).rejects.toThrow("se.L0.fc1.weight is not part of the model");
    await expect(withTensor("fc.bias", 1)).rejects.toThrow(`${file}: fc.bias is [1], the model has [2]`);
    await expect(changed(tensors, { position: JSON.stringify(start) })).rejects.toThrow(
      `${file}: nothing has been trained in it yet`,
    );
  });
});

test("a run that begins from one that itself began from another has learned what those had", async () => {
  const { origin } = await parseSource(await firstOf(frozen({ alpha: 0 })), "second");
  expect(origin).toMatchObject({ file: "second", phase: "joint", outlines: true });
});
