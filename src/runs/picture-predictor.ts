/** Predicts pictures with a checkpoint, as `mganet predict` does: finds the tissue, resizes it, asks the network. */
import { assembleBatch } from "../data/batches.ts";
import type { GreyImage } from "../data/grey-image.ts";
import type { PictureFile } from "../data/pictures/picture-file.ts";
import { type Box, type Classes, DataError } from "../data/sample.ts";
import { outline, type Outline } from "../explain/outline.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { OpenModel, openModel } from "./open-model.ts";
import { parseCheckpoint } from "../train/checkpoint.ts";
import type { Predictor } from "../train/predictor.ts";
import { OTHER_RESIZING, preparePicture } from "./prepare-picture.ts";

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

/** A checkpoint that is ready to be asked about pictures, one at a time. */
export class PicturePredictor implements Disposable {
  /** The classes' names, and the index of the positive one. */
  readonly classes: Classes;
  /** Height and width of the network's input. */
  readonly size: readonly [number, number];
  readonly #model: OpenModel;
  readonly #predictor: Predictor;

  private constructor(model: OpenModel, predictor: Predictor) {
    this.#model = model;
    this.#predictor = predictor;
    this.classes = model.classes;
    this.size = model.loaded.checkpoint.config.size;
  }

  /**
   * @param checkpoint the content of a checkpoint of any model, such as a run's best.safetensors
   * @throws SafetensorsError, CheckpointError for a file that is none, with its name; GpuError
   */
  static async open(
    gpu: Gpu,
    checkpoint: Uint8Array,
    { name = "the checkpoint", half = false }: PicturePredictorOptions = {},
  ): Promise<PicturePredictor> {
    const model = openModel(gpu, { checkpoint: parseCheckpoint(checkpoint, name), file: name });
    try {
      return new PicturePredictor(model, await model.predictor({ batch: 1, half }));
    } catch (error) {
      model[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * @param picture its grey levels (of `mganet-webgpu/node`'s `readPicture`, or one's own), or a file as from `openPictureFile` of
   *   `mganet-webgpu/web`
   * @param frame of a file with several, from 1; default the first
   * @throws DataError for a picture that is damaged, too small, or shows nothing; GpuError
   */
  async predict(picture: GreyImage | PictureFile, frame?: number): Promise<PicturePrediction> {
    const { config } = this.#model.loaded.checkpoint;
    const original = "frames" in picture ? await picture.grey(frame ?? picture.frames[0]!) : requireGrey(picture);
    const image = preparePicture(original, "picture", config);
    const {
      width,
      height,
      source: { crop },
    } = image;
    const [{ probabilities, mask } = {}] = await this.#predictor.predict(assembleBatch([image], []).image);
    const marked = this.#model.hasOutlines ? mask : undefined;
    return {
      probabilities: this.#model.isClassifier ? probabilities : undefined,
      outline: marked && outline(marked, width, height, crop),
      mask: marked,
      crop,
      notes: [
        ...(original.note === undefined ? [] : [original.note]),
        ...(config.resize === "pillow" ? [] : [OTHER_RESIZING]),
      ],
    };
  }

  /** Frees the network. The device stays open. */
  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}

/** @throws DataError unless it is a grey level a pixel */
function requireGrey(picture: GreyImage): GreyImage {
  const { width, height, grey } = picture;
  if (grey instanceof Uint8Array && grey.length === width * height) return picture;
  throw new DataError(
    `a picture of ${width}x${height} has as many grey levels in a Uint8Array, not ${String(grey.length)}`,
  );
}
