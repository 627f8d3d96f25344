/** Predicts pictures with a checkpoint, as `mganet predict` does: finds the tissue, resizes it, asks the network. */
import { assembleBatch } from "../data/batches.ts";
import type { GreyImage } from "../data/grey-image.ts";
import type { PictureFile } from "../data/pictures/picture-file.ts";
import { requireBytes } from "../data/bytes.ts";
import { classesOf } from "../data/classes.ts";
import { type Box, type Classes, DataError } from "../data/sample.ts";
import { isTorchFile } from "../data/torch/kind.ts";
import { outline, type Outline } from "../explain/outline.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { requireKnown, requireShape, sameShape, showShape } from "../kernels/kernel.ts";
import { forwardOf, type Forward } from "../loop/predictor.ts";
import type { Outputs } from "../models/spec.ts";
import { CheckpointError, isCheckpoint, parseCheckpoint } from "../train/checkpoint.ts";
import { Predictor } from "../train/predictor.ts";
import { requirePrepared, type ImageOptions } from "./image-of.ts";
import { openModel } from "./open-model.ts";
import { OTHER_RESIZING, preparePicture, requireGrey, type Shown } from "./prepare-picture.ts";

/** What a checkpoint says of a picture. */
export interface PicturePrediction {
  /** Of each class in the order of `classes.names`, 0 to 1; undefined if the checkpoint's classifier has not been trained. */
  probabilities: readonly number[] | undefined;
  /** Where the mask exceeds one half, in pixels of the picture; undefined if the network has not learned outlines. */
  outline: Outline | undefined;
  /** The probability of nodule [height, width] over the part `crop`, row by row; undefined as `outline` is. */
  mask: Float32Array | undefined;
  /** The part of the picture that the network was shown, in pixels of the picture. */
  crop: Box;
  /** What the user should know about the picture or the checkpoint. */
  notes: readonly string[];
}

/** How a checkpoint is opened. */
export interface PicturePredictorOptions {
  /** What errors call the checkpoint. Default "the checkpoint". */
  name?: string;
  /** Store weights and activations in half precision; requires an adapter with shader-f16. Default false. */
  half?: boolean;
}

/** Which pictures a network was trained on, and what its answers mean. */
export interface PictureNetworkOptions extends ImageOptions {
  /** The names of the classes in the order of the logits; for a network that gives logits. */
  classes?: readonly string[];
  /** The name of the positive class; default "malignant" if it is one, else the last. */
  positive?: string;
  /** Store weights and activations in half precision; requires an adapter with shader-f16. Default false. */
  half?: boolean;
}

/** What pictures are prepared by, and how the answers are read. */
interface Parts {
  readonly classes: Classes;
  readonly prepared: Shown;
  readonly predictor: Predictor;
  readonly isClassifier: boolean;
  readonly hasOutlines: boolean;
  /** Of every prediction. */
  readonly notes: readonly string[];
  free(): void;
}

/** A network that is ready to be asked about pictures, one at a time: of a checkpoint (`open`), or one's own (`of`). */
export class PicturePredictor implements Disposable {
  /** The classes' names, and the index of the positive one; no names where the network does not classify. */
  readonly classes: Classes;
  /** Height and width of the network's input. */
  readonly size: readonly [number, number];
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.classes = parts.classes;
    this.size = parts.prepared.size;
  }

  /**
   * @param checkpoint the content of a checkpoint of any model, such as a run's best.safetensors
   * @throws SafetensorsError, CheckpointError for a file that is none, with its name; TypeError for no bytes; GpuError
   */
  static async open(
    gpu: Gpu,
    checkpoint: Uint8Array,
    options: PicturePredictorOptions = {},
  ): Promise<PicturePredictor> {
    requireKnown("PicturePredictor.open", options, ["name", "half"]);
    const { name = "the checkpoint", half = false } = options;
    requireCheckpoint(checkpoint, name);
    const model = openModel(gpu, { checkpoint: parseCheckpoint(checkpoint, name), file: name });
    const { classes, isClassifier, hasOutlines } = model;
    const { config: prepared } = model.loaded.checkpoint;
    const notes = prepared.resize === "pillow" ? [] : [OTHER_RESIZING];
    const free = () => model[Symbol.dispose]();
    try {
      const predictor = await model.predictor({ batch: 1, half });
      return new PicturePredictor({ classes, prepared, predictor, isClassifier, hasOutlines, notes, free });
    } catch (error) {
      free();
      throw error;
    }
  }

  /**
   * A network of one's own, such as an MGA-Net with weights that `save` wrote and `load` has read.
   * @param net a module whose `forward` gives `logits` [N, K] of classes, a `mask` [N, H, W, 1] of probabilities, or both, for images
   *   [N, H, W, 3] as `imageOf` makes them; or such a function
   * @throws ShapeError, TypeError for a network or options that cannot be; DataError for class names that cannot be; GpuError
   */
  static async of(gpu: Gpu, net: Forward<Outputs>, options: PictureNetworkOptions): Promise<PicturePredictor> {
    requireKnown("PicturePredictor.of", options, ["size", "crop", "classes", "positive", "half"]);
    const { classes, positive, half = false } = options;
    const prepared = requirePrepared("PicturePredictor.of", options);
    const forward = forwardOf("PicturePredictor.of", net);
    const named = classes && classesOf(classes, positive);
    let given: Outputs = {};
    const infer = (x: Tensor): Outputs => {
      const { logits, mask } = forward(x);
      given = { ...(logits && { logits }), ...(mask && { mask }) };
      requireAnswers(given, x.shape, named);
      return given;
    };
    const predictor = await Predictor.create(gpu, infer, { batch: 1, size: prepared.size, half });
    return new PicturePredictor({
      classes: named ?? { names: [], positive: 0 },
      prepared,
      predictor,
      isClassifier: given.logits !== undefined,
      hasOutlines: given.mask !== undefined,
      notes: [],
      free: () => predictor.destroy(),
    });
  }

  /**
   * @param picture its grey levels (of `mganet-webgpu/node`'s `readPicture`, or one's own), or a file as from `openPictureFile` of
   *   `mganet-webgpu/web`
   * @param frame of a file with several, from 1; default the first
   * @throws TypeError for what is no picture; DataError for one that is damaged, too small, shows nothing, or has no such frame; GpuError
   */
  async predict(picture: GreyImage | PictureFile, frame?: number): Promise<PicturePrediction> {
    const { predictor, prepared, isClassifier, hasOutlines, notes } = this.#parts;
    const original = await greyOf(picture, frame);
    const image = preparePicture(original, "picture", prepared);
    const {
      width,
      height,
      source: { crop },
    } = image;
    const [{ probabilities, mask } = {}] = await predictor.predict(assembleBatch([image], []).image);
    const marked = hasOutlines ? mask : undefined;
    return {
      probabilities: isClassifier ? probabilities : undefined,
      outline: marked && outline(marked, width, height, crop),
      mask: marked,
      crop,
      notes: [...(original.note === undefined ? [] : [original.note]), ...notes],
    };
  }

  /** Frees what was made here: the network of a checkpoint, or the plan of one's own network, which keeps its values. The device stays open. */
  [Symbol.dispose](): void {
    this.#parts.free();
  }
}

/** @throws CheckpointError for weights alone, which do not say what pictures they are for; as `isCheckpoint` */
function requireCheckpoint(bytes: Uint8Array, name: string): void {
  requireBytes(name, bytes);
  if (isCheckpoint(bytes, name)) return;
  const weights = isTorchFile(bytes) ? "fromTorch(bytes)" : "bytes";
  throw new CheckpointError(
    `${name}: not a checkpoint of this program, which would say the size of pictures and the classes: put its weights into their ` +
      `network, load(gpu, net, ${weights}), and open that, PicturePredictor.of(gpu, net, { size, classes })`,
  );
}

/** @throws ShapeError unless these are what a picture can be told from, with a name for each class */
function requireAnswers({ logits, mask }: Outputs, [n, h, w]: readonly number[], classes: Classes | undefined): void {
  const op = "PicturePredictor.of";
  requireTensors(op, ...[logits, mask].filter((tensor) => tensor !== undefined));
  const count = logits?.shape[1];
  requireShape(
    logits === undefined || (logits.shape.length === 2 && logits.shape[0] === n),
    () => `${op}: logits are ${showShape(logits!.shape)}, expected [N, K] of K classes`,
  );
  requireShape(
    mask === undefined || sameShape(mask.shape, [n!, h!, w!, 1]),
    () => `${op}: the mask is ${showShape(mask!.shape)}, expected a probability a pixel, [N, H, W, 1]`,
  );
  requireShape(
    count === classes?.names.length,
    () =>
      `${op}: the network gives logits of ${count ?? "no"} classes, and ${classes?.names.length ?? "none"} are named in { classes }`,
  );
}

/** The grey levels of a picture, or of a frame of a file. */
function greyOf(picture: GreyImage | PictureFile, frame: number | undefined): GreyImage | Promise<GreyImage> {
  if (typeof (picture as Partial<PictureFile> | undefined)?.grey === "function") {
    const { frames } = picture as PictureFile;
    const chosen = frame ?? frames[0]!;
    if (frames.includes(chosen)) return (picture as PictureFile).grey(chosen);
    throw new DataError(`predict: there is no frame ${chosen}; the file has ${frames.length}, counted from 1`);
  }
  requireGrey("predict", picture);
  if (frame === undefined) return picture;
  throw new DataError("predict: grey levels are of one picture: a frame is chosen where a file is read");
}
