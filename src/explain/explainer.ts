/** Computes class activation maps of the classifier, by Grad-CAM or CAM, at any scale. */
import { classActivation } from "../autograd/class-activation.ts";
import { mul, sum } from "../autograd/elementwise.ts";
import { gradients } from "../autograd/gradients.ts";
import { globalAvgPool } from "../autograd/spatial.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { compile } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import type { Plan } from "../graph/plan.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Model } from "../models/model.ts";

export const explainMethods = ["gradcam", "cam"] as const;
export type ExplainMethod = (typeof explainMethods)[number];

export interface ExplainerOptions {
  /** Images per batch. */
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  method: ExplainMethod;
  /** One of the points that the model's spec names; CAM is defined at the last only. */
  point: string;
}

/** A map over the pixels of a point's features, row by row. */
export interface ActivationMap {
  width: number;
  height: number;
  values: Float32Array;
}

/** The activation of the features before enhancement, and after. */
export interface Activation {
  before: ActivationMap;
  after: ActivationMap;
}

/**
 * For features f_c and the logit y of a class, with batch normalisation at its running statistics:
 *
 *   Grad-CAM   relu(sum_c a_c f_c),  a_c = mean over the pixels of dy / df_c      (Selvaraju et al. 2017)
 *   CAM        sum_c w_c f_c,        w_c = dy / d(mean of f_c) = fc's weight      (Zhou et al. 2016)
 *
 * Grad-CAM is never negative. CAM is signed: its mean over the pixels is the logit minus fc's bias. At the last point, where
 * both are defined, Grad-CAM is the positive part of CAM, divided by the number of pixels.
 *
 * "Before" means the features that enter the point's last enhancement; their gradient passes through it.
 */
export class Explainer {
  /** Whether the features are enhanced there: if not, before and after are the same. */
  readonly enhanced: boolean;
  readonly #plan: Plan;
  readonly #options: ExplainerOptions;
  readonly #shape: readonly number[];
  readonly #classes: number;
  readonly #takesMask: boolean;

  private constructor(plan: Plan, options: ExplainerOptions, recorded: Recorded) {
    const { shape, enhanced, classes, takesMask } = recorded;
    this.enhanced = enhanced;
    this.#classes = classes;
    this.#takesMask = takesMask;
    this.#plan = plan;
    this.#options = options;
    this.#shape = shape;
  }

  /** @throws RangeError for a point that the model does not have, or CAM at any but the last */
  static async create(gpu: Gpu, model: Pick<Model, "explain" | "spec">, options: ExplainerOptions): Promise<Explainer> {
    const recorded = record(model, options);
    const { graph, outputs } = recorded;
    return new Explainer(await compile(gpu, graph, { outputs, frozen: true }), options, recorded);
  }

  /**
   * @param image [M, H, W, 3] with any M
   * @param masks the segmentation branch's probabilities [H, W] for each image; undefined if the model has none
   * @param classes for each image, the index of the class to explain
   */
  async explain(
    image: Float32Array,
    masks: readonly (Float32Array | undefined)[],
    classes: readonly number[],
  ): Promise<Activation[]> {
    const { batch, size } = this.#options;
    const pixels = size[0] * size[1];
    const activations: Activation[] = [];
    for (let begin = 0; begin < masks.length; begin += batch) {
      const count = Math.min(batch, masks.length - begin);
      const part = new Float32Array(batch * 3 * pixels);
      part.set(image.subarray(3 * pixels * begin, 3 * pixels * (begin + count)));
      const mask = new Float32Array(this.#takesMask ? batch * pixels : 0);
      const chosen = new Float32Array(batch * this.#classes);
      for (let i = 0; i < count; i++) {
        if (this.#takesMask) mask.set(masks[begin + i]!, i * pixels);
        chosen[this.#classes * i + classes[begin + i]!] = 1;
      }
      const inputs = { image: part, chosen, ...(this.#takesMask ? { mask } : {}) };
      const { before, after } = await this.#plan.run(inputs);
      for (let i = 0; i < count; i++) activations.push({ before: this.#map(before!, i), after: this.#map(after!, i) });
    }
    return activations;
  }

  #map(values: Float32Array, i: number): ActivationMap {
    const [, height, width] = this.#shape as [number, number, number, number];
    return { width, height, values: values.slice(i * width * height, (i + 1) * width * height) };
  }

  /** Call after the network's weights have changed. */
  refresh(): void {
    this.#plan.refresh();
  }

  destroy(): void {
    this.#plan.destroy();
  }
}

/** Height and width of the maps at each of a model's points, for images of this height and width. */
export function mapSizes(
  model: Pick<Model, "explain" | "spec">,
  [h, w]: readonly [number, number],
): [number, number][] {
  const graph = new Graph();
  const mask = model.spec.explain.takesMask ? graph.input("mask", [1, h, w, 1]) : undefined;
  const { features } = model.explain(graph.input("image", [1, h, w, 3]), mask);
  return features.map(({ after: { shape } }) => [shape[1]!, shape[2]!]);
}

type Recorded = ReturnType<typeof record>;

function record(model: Pick<Model, "explain" | "spec">, { batch: n, size: [h, w], method, point }: ExplainerOptions) {
  const { points, cam } = model.spec.explain;
  const at = points.indexOf(point);
  if (at === -1) throw new RangeError(`${model.spec.id} has no ${point} to explain; it has ${points.join(", ")}`);
  if (method === "cam" && !(cam && at === points.length - 1)) {
    throw new RangeError(
      cam
        ? `CAM is defined at ${points.at(-1)}, the features before fc, not at ${point}`
        : `CAM is not defined for ${model.spec.id}`,
    );
  }
  const graph = new Graph();
  const image = graph.input("image", [n, h, w, 3]);
  const takesMask = model.spec.explain.takesMask;
  const mask = takesMask ? graph.input("mask", [n, h, w, 1]) : undefined;
  const { logits, pooled, features } = model.explain(image, mask);
  const classes = logits.shape[1]!;
  // No sample's logit depends on another sample, so the sum's gradient is each one's own.
  const score = sum(mul(logits, graph.input("chosen", [n, classes])));
  const { before, after } = features[at]!;
  const map = (f: Tensor, weights: Tensor) => classActivation(f, weights, { relu: method === "gradcam" });
  const [ofBefore, ofAfter] =
    method === "cam"
      ? new Array<Tensor>(2).fill(gradients(score, [pooled!])[0]!)
      : gradients(score, [before, after]).map(globalAvgPool);
  const outputs = { before: map(before, ofBefore!), after: map(after, ofAfter!) };
  return { graph, outputs, shape: outputs.after.shape, enhanced: before !== after, classes, takesMask };
}
