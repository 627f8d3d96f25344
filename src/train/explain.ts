/** Where a class is seen: maps of the classifier's activation, by Grad-CAM or CAM, at any scale. */
import { classActivation } from "../autograd/class-activation.ts";
import { mul, sum } from "../autograd/elementwise.ts";
import { gradients } from "../autograd/gradients.ts";
import { globalAvgPool } from "../autograd/spatial.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { compile } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/plan.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { MGANet } from "../models/mganet.ts";

export const explainMethods = ["gradcam", "cam"] as const;
export type ExplainMethod = (typeof explainMethods)[number];

/** The class whose activation is asked for; "predicted": the more probable one of each image. */
export const explainedClasses = ["predicted", "benign", "malignant"] as const;
export type ExplainedClass = (typeof explainedClasses)[number];

/** Scales by name; the number is how often the image has been halved, less one. */
export const scaleNames = ["L0", "L1", "L2", "L3", "L4"] as const;
export type ScaleName = (typeof scaleNames)[number];

export interface ExplainerOptions {
  /** Images at a time. */
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  method: ExplainMethod;
  /** CAM is defined at L4 only. */
  scale: ScaleName;
}

/** A map over the pixels of a scale, row by row. */
export interface ActivationMap {
  width: number;
  height: number;
  values: Float32Array;
}

/** The activation of the features before they are enhanced, and after. */
export interface Activation {
  before: ActivationMap;
  after: ActivationMap;
}

/**
 * Of features f_c and the logit y of a class, with batch normalisation at its running statistics:
 *
 *   Grad-CAM   relu(sum_c a_c f_c),  a_c = mean over the pixels of dy / df_c      (Selvaraju et al. 2017)
 *   CAM        sum_c w_c f_c,        w_c = dy / d(mean of f_c) = fc's weight      (Zhou et al. 2016)
 *
 * Grad-CAM is never negative. CAM is signed: its mean over the pixels is the logit, less fc's bias. At L4, where both are
 * defined, Grad-CAM is what is positive of CAM, divided by the number of pixels.
 *
 * "Before" are the features that the last enhancement of the scale takes; their gradient goes through it.
 */
export class Explainer {
  /** Whether the features of the scale are enhanced: where not, before and after are the same. */
  readonly enhanced: boolean;
  readonly #plan: Plan;
  readonly #options: ExplainerOptions;
  readonly #shape: readonly number[];

  private constructor(plan: Plan, options: ExplainerOptions, { shape, enhanced }: ReturnType<typeof record>) {
    this.enhanced = enhanced;
    this.#plan = plan;
    this.#options = options;
    this.#shape = shape;
  }

  /** @throws RangeError for CAM elsewhere than at L4 */
  static async create(gpu: Gpu, net: MGANet, options: ExplainerOptions): Promise<Explainer> {
    const recorded = record(net, options);
    const { graph, outputs } = recorded;
    return new Explainer(await compile(gpu, graph, { outputs, frozen: true }), options, recorded);
  }

  /**
   * @param image [M, H, W, 3] with any M
   * @param masks the segmentation branch's probabilities [H, W] of each image
   * @param classes the class of each image whose activation is asked for: 0 benign, 1 malignant
   */
  async explain(
    image: Float32Array,
    masks: readonly Float32Array[],
    classes: readonly number[],
  ): Promise<Activation[]> {
    const { batch, size } = this.#options;
    const pixels = size[0] * size[1];
    const activations: Activation[] = [];
    for (let begin = 0; begin < masks.length; begin += batch) {
      const count = Math.min(batch, masks.length - begin);
      const inputs = {
        image: new Float32Array(batch * 3 * pixels),
        mask: new Float32Array(batch * pixels),
        chosen: new Float32Array(batch * 2),
      };
      inputs.image.set(image.subarray(3 * pixels * begin, 3 * pixels * (begin + count)));
      for (let i = 0; i < count; i++) {
        inputs.mask.set(masks[begin + i]!, i * pixels);
        inputs.chosen[2 * i + classes[begin + i]!] = 1;
      }
      const { before, after } = await this.#plan.run(inputs);
      for (let i = 0; i < count; i++) activations.push({ before: this.#map(before!, i), after: this.#map(after!, i) });
    }
    return activations;
  }

  #map(values: Float32Array, i: number): ActivationMap {
    const [, height, width] = this.#shape as [number, number, number, number];
    return { width, height, values: values.slice(i * width * height, (i + 1) * width * height) };
  }

  /** To be called when the network's weights have changed. */
  refresh(): void {
    this.#plan.refresh();
  }

  destroy(): void {
    this.#plan.destroy();
  }
}

function record(net: MGANet, { batch: n, size: [h, w], method, scale }: ExplainerOptions) {
  if (method === "cam" && scale !== "L4")
    throw new RangeError(`CAM is defined at L4, the features before fc, not at ${scale}`);
  const graph = new Graph();
  const image = graph.input("image", [n, h, w, 3]);
  const { logits, pooled, scales } = net.classify(image, graph.input("mask", [n, h, w, 1]));
  // No sample's logit depends on another sample, so the gradient of the sum is that of each.
  const score = sum(mul(logits, graph.input("chosen", [n, 2])));
  const { before, after } = scales[scaleNames.indexOf(scale)]!;
  const map = (f: Tensor, weights: Tensor) => classActivation(f, weights, { relu: method === "gradcam" });
  const [ofBefore, ofAfter] =
    method === "cam"
      ? new Array<Tensor>(2).fill(gradients(score, [pooled])[0]!)
      : gradients(score, [before, after]).map(globalAvgPool);
  const outputs = { before: map(before, ofBefore!), after: map(after, ofAfter!) };
  return { graph, outputs, shape: outputs.after.shape, enhanced: before !== after };
}
