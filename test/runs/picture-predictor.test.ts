/** Predictions of pictures by the library: of checkpoints, and of networks with weights alone; what is neither is refused. */
import { describe, expect, onTestFinished, test } from "vitest";
import "../../src/autograd/methods.ts";
import { writePng } from "../../src/data/pictures/png-write.ts";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { load, save } from "../../src/entries/io.ts";
import { imageOf, MGANet, paperOptions, parseCheckpoint, PicturePredictor } from "../../src/entries/models.ts";
import { Linear, Module } from "../../src/entries/nn.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { fromTorch } from "../../src/io/weights.ts";
import { readPicture } from "../../src/node/index.ts";
import { openPictureFile } from "../../src/web/decode/open-picture-file.ts";
import { tamedCheckpoint } from "../cli/support.ts";
import { useGpu } from "../support/gpu.ts";
import { torchFile } from "../support/torch-file.ts";

const gpu = useGpu();
const classes = ["benign", "malignant"];
const pictureOf = (n: number) => {
  const { width, height, grey } = phantomImage(0, n);
  return { width, height, grey };
};

/** An MGA-Net with a checkpoint's weights, and the checkpoint's size and way to crop. */
async function withWeights() {
  const bytes = await tamedCheckpoint();
  const { config, model } = parseCheckpoint(bytes, "best");
  const { width, size, crop } = config as typeof config & { width: number };
  const net = new MGANet({ ...paperOptions, width });
  net.loadStateDict(gpu(), model);
  onTestFinished(() => net.release(gpu()));
  return { bytes, net, size, crop, width };
}

describe("weights that save wrote", () => {
  test("say in one sentence how to open them, and predict so what the checkpoint predicts", async () => {
    const { bytes, net, size, crop, width } = await withWeights();
    const saved = await save(gpu(), net);
    await expect(PicturePredictor.open(gpu(), saved, { name: "net.safetensors" })).rejects.toThrow(
      "net.safetensors: not a checkpoint of this program, which would say the size of pictures and the classes: put its weights into " +
        "their network, load(gpu, net, bytes), and open that, PicturePredictor.of(gpu, net, { size, classes })",
    );
    const again = new MGANet({ ...paperOptions, width }, 9);
    await load(gpu(), again, saved);
    using ofNet = await PicturePredictor.of(gpu(), again, { size, crop, classes });
    using ofCheckpoint = await PicturePredictor.open(gpu(), bytes);
    expect(ofNet.classes).toEqual(ofCheckpoint.classes);
    expect(ofNet.size).toEqual(ofCheckpoint.size);
    for (const n of [0, 3]) {
      const predicted = await ofNet.predict(pictureOf(n));
      expect(predicted).toEqual(await ofCheckpoint.predict(pictureOf(n)));
      expect(predicted.probabilities).toHaveLength(2);
      expect(predicted.mask).toHaveLength(size[0] * size[1]);
    }
    again.release(gpu());
  });

  test("in a file of torch.save too", async () => {
    const { net } = await withWeights();
    const pth = torchFile(await net.stateDict(gpu()));
    await expect(PicturePredictor.open(gpu(), pth, { name: "net.pth" })).rejects.toThrow(
      /^net\.pth: not a checkpoint of this program, .* load\(gpu, net, fromTorch\(bytes\)\), and open that, PicturePredictor\.of/,
    );
    expect(() => parseCheckpoint(pth, "net.pth")).toThrow(
      "net.pth: a file of PyTorch's, not a checkpoint of this program: a training can begin from it (train --init)",
    );
    expect((await load(gpu(), new MGANet({ ...paperOptions, width: 1 / 16 }), fromTorch(pth))).missing).toEqual([]);
  });
});

describe("a network of one's own", () => {
  test("that marks only, or classifies only, says that and nothing else", async () => {
    const { net, size, crop } = await withWeights();
    using marks = await PicturePredictor.of(gpu(), (x) => ({ mask: net.segment(x).mask }), { size, crop });
    const marked = await marks.predict(pictureOf(0));
    expect(marks.classes.names).toEqual([]);
    expect(marked).toMatchObject({ probabilities: undefined, notes: [] });
    expect(marked.outline!.box).toBeDefined();
    const named = { size, crop, classes: ["a", "b"], positive: "a" };
    using classifies = await PicturePredictor.of(gpu(), (x) => ({ logits: net.forward(x).logits }), named);
    expect(classifies.classes).toEqual({ names: ["a", "b"], positive: 0 });
    const { probabilities, outline, mask } = await classifies.predict(pictureOf(0));
    expect([outline, mask]).toEqual([undefined, undefined]);
    expect(probabilities![0]! + probabilities![1]!).toBeCloseTo(1, 6);
  });

  test("may begin with an op on its parameters alone, as in a trainer", async () => {
    const { size } = await withWeights();
    class Head extends Module {
      readonly fc = new Linear(3, 2);
      forward(x: Tensor) {
        const gain = this.fc.weight.mean().exp();
        return { logits: this.fc.forward(x.mean([1, 2])).mul(gain) };
      }
    }
    const net = new Head().finish(3);
    onTestFinished(() => net.release(gpu()));
    using scaled = await PicturePredictor.of(gpu(), net, { size, classes });
    const plainly = (x: Tensor) => ({ logits: net.fc.forward(x.mean([1, 2])) });
    using plain = await PicturePredictor.of(gpu(), plainly, { size, classes });
    const weights = (await net.stateDict(gpu())).get("fc.weight")!.data;
    const gain = Math.exp(weights.reduce((a, b) => a + b) / weights.length);
    const logitBy = async (predictor: PicturePredictor) => {
      const [first, second] = (await predictor.predict(pictureOf(0))).probabilities!;
      return Math.log(first! / second!);
    };
    const wanted = gain * (await logitBy(plain));
    expect(Math.abs(gain - 1)).toBeGreaterThan(0.01);
    expect(Math.abs((await logitBy(scaled)) / wanted - 1)).toBeLessThan(1e-4);
  });

  test.each<[string, (net: MGANet) => unknown, object, string]>([
    ["classes without names", (net) => net, {}, "gives logits of 2 classes, and none are named in { classes }"],
    [
      "other classes",
      (net) => net,
      { classes: ["a", "b", "c"] },
      "gives logits of 2 classes, and 3 are named in { classes }",
    ],
    [
      "names without logits",
      (net) => (x: never) => ({ mask: net.segment(x).mask }),
      { classes },
      "of no classes, and 2 are named",
    ],
    [
      "logits of pixels",
      (net) => (x: never) => net.segment(x),
      { classes },
      "logits are [1, 64, 64, 1], expected [N, K]",
    ],
    [
      "another mask",
      (net) => (x: never) => ({ mask: net.forward(x).logits }),
      {},
      "the mask is [1, 2], expected a probability a pixel",
    ],
    ["no answer", () => () => ({}), {}, "the network gives neither logits nor a mask"],
    ["no tensor", () => () => ({ mask: 3 }), {}, "operand 1 of 1 is a Number, not a tensor"],
    [
      "no network",
      () => 3,
      {},
      "PicturePredictor.of: expected a module with forward(x), or a function of x, got a Number",
    ],
    ["no size", (net) => net, { size: 32 }, "PicturePredictor.of: size is 32, expected [height, width]"],
    ["another option", (net) => net, { name: "x" }, "PicturePredictor.of: unknown option name"],
  ])("with %s is refused", async (_, netOf, options, message) => {
    const { net, size } = await withWeights();
    await expect(PicturePredictor.of(gpu(), netOf(net) as never, { size, ...options })).rejects.toThrow(message);
  });
});

describe("what is no picture is refused in one sentence that says what is", () => {
  const as = (kind: string, value: object = {}) => Object.assign(value, { [Symbol.toStringTag]: kind });
  const howTo =
    "a picture is { width, height, grey }, as readPicture(file) of mganet-webgpu/node gives it, or in a page " +
    "(await openPictureFile(bytes)).grey(1) of mganet-webgpu/web; got";
  const wrong: [string, unknown, string][] = [
    ["an ImageData", as("ImageData", { data: new Uint8ClampedArray(4), width: 1, height: 1 }), `${howTo} an ImageData`],
    ["a file's bytes", new Uint8Array(9), `${howTo} a Uint8Array`],
    ["a path", "a.png", `${howTo} a String`],
    ["nothing", undefined, `${howTo} undefined`],
    [
      "grey of another type",
      { width: 1, height: 1, grey: [3] },
      "grey holds 8-bit levels in a Uint8Array, got an Array",
    ],
    [
      "other sizes",
      { width: 3, height: 2, grey: new Uint8Array(5) },
      "a picture of 3x2 has as many grey levels, not 5",
    ],
    ["no sizes", { grey: new Uint8Array(5) }, "a picture of undefinedxundefined has as many grey levels, not 5"],
  ];

  test.each(wrong)("%s", async (_, picture, message) => {
    expect(() => imageOf(picture as never, { size: [32, 32] })).toThrow(`imageOf: ${message}`);
    using model = await PicturePredictor.open(gpu(), await tamedCheckpoint());
    await expect(model.predict(picture as never)).rejects.toThrow(`predict: ${message}`);
  });

  test("a frame that there is not", async () => {
    using model = await PicturePredictor.open(gpu(), await tamedCheckpoint());
    const { width, height, grey } = pictureOf(0);
    const file = await openPictureFile(writePng({ width, height }, grey));
    await expect(model.predict(file, 2)).rejects.toThrow(
      "predict: there is no frame 2; the file has 1, counted from 1",
    );
    await expect(model.predict(pictureOf(0), 1)).rejects.toThrow("predict: grey levels are of one picture");
    expect(await model.predict(file, 1)).toEqual(await model.predict(pictureOf(0)));
  });

  test.each<[string, unknown, string]>([
    ["an ArrayBuffer", new ArrayBuffer(8), "got an ArrayBuffer: pass new Uint8Array(buffer)"],
    ["a Blob", new Blob([]), "got a Blob: pass new Uint8Array(await blob.arrayBuffer())"],
    ["a path", "best.safetensors", "got a String: pass await readFile(path), or"],
    ["floats", new Float32Array(2), "got a Float32Array"],
    ["nothing", undefined, "got undefined"],
  ])("nor is %s a file's bytes", async (_, bytes, message) => {
    const sentence = `expected the bytes of a file, a Uint8Array, ${message}`;
    const given = bytes as Uint8Array;
    await expect(PicturePredictor.open(gpu(), given)).rejects.toThrow(`the checkpoint: ${sentence}`);
    await expect(load(gpu(), new MGANet({ ...paperOptions, width: 1 / 16 }), given)).rejects.toThrow(
      `the file: ${sentence}`,
    );
    await expect(openPictureFile(given)).rejects.toThrow(`openPictureFile: ${sentence}`);
    expect(() => fromTorch(given)).toThrow(`the file: ${sentence}`);
    expect(() => parseCheckpoint(given, "best")).toThrow(`best: ${sentence}`);
    if (typeof bytes !== "string") await expect(readPicture(given)).rejects.toThrow(`readPicture: ${sentence}`);
  });
});
