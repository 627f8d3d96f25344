/** Inference in batches of a fixed size. */
import type { Gpu } from "../gpu/gpu.ts";
import { compile } from "../graph/compile.ts";
import { kernelsOf } from "../graph/preview.ts";
import { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/plan.ts";
import { profilePlan, type NodeProfile } from "../graph/profile.ts";
import type { Tensor } from "../graph/tensor.ts";
import { isList, requireFloats, requireKnown, requireShape, sizeOf, type Kernel } from "../kernels/kernel.ts";
import type { Outputs } from "../models/spec.ts";

/** The network's output for one image. */
export interface Prediction {
  /** Per class; undefined if the network was not asked to classify. */
  probabilities: readonly number[] | undefined;
  /** Probability of nodule at every pixel, [H, W]; undefined if the network has no mask. */
  mask: Float32Array | undefined;
}

/** How images are computed. */
export interface PredictorOptions {
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  /** Store weights and activations in half precision; requires an adapter with shader-f16. */
  half?: boolean;
}

/** Records a network's forward pass on image [N, H, W, 3], such as `(x) => net.forward(x)`. */
export type Inference = (image: Tensor) => Outputs;

function record(infer: Inference, { batch: n, size: [h, w] }: PredictorOptions) {
  const graph = new Graph();
  const image = graph.input("image", [n, h, w, 3]);
  const { logits, mask } = graph.scope("", () => infer(image));
  requireShape(
    logits !== undefined || mask !== undefined,
    () => "Predictor: the network gives neither logits nor a mask",
  );
  return { graph, outputs: { ...(logits ? { logits } : {}), ...(mask ? { mask } : {}) } };
}

/** Softmax; for two classes the logistic function of the difference. */
export function probabilitiesOf(logits: ArrayLike<number>): number[] {
  if (logits.length === 2) {
    const second = 1 / (1 + Math.exp(logits[0]! - logits[1]!));
    return [1 - second, second];
  }
  const values = Array.from(logits);
  const most = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Inference in batches of a fixed size; the last one is padded. */
export class Predictor {
  readonly #plan: Plan;
  readonly #batch: number;
  readonly #pixels: number;

  private constructor(plan: Plan, batch: number, pixels: number) {
    this.#plan = plan;
    this.#batch = batch;
    this.#pixels = pixels;
  }

  /**
   * Compiles the network's inference.
   * @param infer such as `(x) => net.forward(x)` for a model whose forward returns `logits`, `mask` or both
   * @throws ShapeError for a size or a function that cannot be
   */
  static async create(gpu: Gpu, infer: Inference, options: PredictorOptions): Promise<Predictor> {
    requireKnown("Predictor", options, ["batch", "size", "half"]);
    const { batch, size } = options;
    requireShape(
      isList(size) && (size as readonly number[]).length === 2,
      () => `Predictor: size is ${String(size)}, expected [height, width]`,
    );
    requireShape(
      typeof infer === "function",
      () => "Predictor: expected a function from an image to the network's outputs, such as (x) => net.forward(x)",
    );
    const { graph, outputs } = record(infer, options);
    const plan = await compile(gpu, graph, { outputs, frozen: true, half: options.half ?? false });
    return new Predictor(plan, batch, sizeOf(size));
  }

  /** The kernels that `create` would compile; costs little. */
  static kernels(infer: Inference, options: PredictorOptions): Kernel[] {
    const { graph, outputs } = record(infer, options);
    return kernelsOf(graph, { outputs, frozen: true });
  }

  /** Call if the network's weights were changed other than by `loadStateDict`, `writeVariable` or plans. */
  refresh(): void {
    this.#plan.refresh();
  }

  /**
   * @param image [M, H, W, 3] with any M
   * @throws TypeError if it is not a Float32Array
   * @throws RangeError if its length is not a multiple of an image
   */
  async predict(image: Float32Array): Promise<Prediction[]> {
    requireFloats("image", image);
    const perImage = 3 * this.#pixels;
    const count = image.length / perImage;
    if (!Number.isInteger(count)) {
      throw new RangeError(`image holds ${image.length} values, not a multiple of the ${perImage} of one image`);
    }
    const predictions: Prediction[] = [];
    for (let begin = 0; begin < count; begin += this.#batch) {
      const n = Math.min(this.#batch, count - begin);
      let part = image.subarray(begin * perImage, (begin + n) * perImage);
      if (n < this.#batch) {
        const filled = new Float32Array(this.#batch * perImage);
        filled.set(part);
        part = filled;
      }
      const { logits, mask } = await this.#plan.run({ image: part });
      const classes = logits ? logits.length / this.#batch : 0;
      for (let i = 0; i < n; i++) {
        predictions.push({
          probabilities: logits && probabilitiesOf(logits.subarray(i * classes, (i + 1) * classes)),
          mask: mask?.slice(i * this.#pixels, (i + 1) * this.#pixels),
        });
      }
    }
    return predictions;
  }

  /** Profiles one batch, as full as possible. @param image [M, H, W, 3], of which the first images are used */
  profile(gpu: Gpu, image: Float32Array): Promise<NodeProfile[]> {
    const filled = new Float32Array(this.#batch * 3 * this.#pixels);
    filled.set(image.subarray(0, filled.length));
    return profilePlan(gpu, this.#plan, { image: filled });
  }

  /** Frees what was compiled; the network keeps its values. */
  destroy(): void {
    this.#plan.destroy();
  }

  /** As `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
