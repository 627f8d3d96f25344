/** Explains what a classifier sees: class activation maps by Grad-CAM or CAM at any scale, and attention rollout. */
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
import { methodsOf, methodTitles, type ExplainMethod } from "./methods.ts";
import { rollout } from "./rollout.ts";

export interface ExplainerOptions {
  /** Images per batch. */
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  method: ExplainMethod;
  /** One of the points that the model's spec names; CAM is defined at the last only. Rollout has none. */
  point?: string | undefined;
}

/** A map over the pixels of a point's features, or over the patches, row by row. */
export interface ActivationMap {
  width: number;
  height: number;
  values: Float32Array;
}

/** The activation of the features before enhancement, and after; the same for what is not of features. */
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
 *
 * Attention rollout (rollout.ts) is the share of each patch in the class token, and of no class.
 */
export class Explainer {
  /** Whether the features are enhanced there: if not, before and after are the same. */
  readonly enhanced: boolean;
  readonly #plan: Plan;
  readonly #options: ExplainerOptions;
  readonly #recorded: Recorded;

  private constructor(plan: Plan, options: ExplainerOptions, recorded: Recorded) {
    this.enhanced = recorded.outputs.before !== undefined;
    this.#plan = plan;
    this.#options = options;
    this.#recorded = recorded;
  }

  /** @throws RangeError for a method or a point that the model does not have, or CAM at any but the last */
  static async create(gpu: Gpu, model: Explainable, options: ExplainerOptions): Promise<Explainer> {
    const recorded = options.method === "rollout" ? recordRollout(model, options) : recordActivation(model, options);
    const { before, after } = recorded.outputs;
    const outputs = { after, ...(before ? { before } : {}) };
    return new Explainer(await compile(gpu, recorded.graph, { outputs, frozen: true }), options, recorded);
  }

  /**
   * @param image [M, H, W, 3] with any M
   * @param masks the segmentation branch's probabilities [H, W] for each image; undefined if the model has none
   * @param classes for each image, the index of the class to explain; ignored where the method is of no class
   */
  async explain(
    image: Float32Array,
    masks: readonly (Float32Array | undefined)[],
    classes: readonly (number | undefined)[],
  ): Promise<Activation[]> {
    const { batch, size } = this.#options;
    const floats = 3 * size[0] * size[1];
    const activations: Activation[] = [];
    for (let begin = 0; begin < masks.length; begin += batch) {
      const count = Math.min(batch, masks.length - begin);
      const part = new Float32Array(batch * floats);
      part.set(image.subarray(floats * begin, floats * (begin + count)));
      const [ofPart, classesOfPart] = [masks.slice(begin, begin + count), classes.slice(begin, begin + count)];
      const inputs = { image: part, ...this.#recorded.inputs(ofPart, classesOfPart) };
      const { before, after } = await this.#plan.run(inputs);
      for (let i = 0; i < count; i++) {
        const map = this.#map(after!, i);
        activations.push({ before: before ? this.#map(before, i) : map, after: map });
      }
    }
    return activations;
  }

  #map(values: Float32Array, i: number): ActivationMap {
    const { size, skipped } = this.#recorded;
    const [height, width] = size;
    const end = (i + 1) * (skipped + width * height);
    return { width, height, values: values.slice(end - width * height, end) };
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

type Explainable = Pick<Model, "explain" | "attend" | "spec">;

/** The graph of a method. */
interface Recorded {
  graph: Graph;
  /** `before` is undefined where it is the same. */
  outputs: { before: Tensor | undefined; after: Tensor };
  /** Height and width of a map. */
  size: readonly [number, number];
  /** Values in front of each image's map, which are no part of it. */
  skipped: number;
  /** What a run takes besides the images; `masks` and `classes` may be fewer than a batch. */
  inputs(
    masks: readonly (Float32Array | undefined)[],
    classes: readonly (number | undefined)[],
  ): Record<string, Float32Array>;
}

function recordActivation(model: Explainable, { batch: n, size: [h, w], method, point }: ExplainerOptions): Recorded {
  const { spec } = model;
  const { points, cam, takesMask } = spec.explain;
  const at = points.indexOf(point ?? "");
  if (at === -1) throw new RangeError(`${spec.id} has no ${point} to explain; it has ${points.join(", ")}`);
  if (method === "cam" && !(cam && at === points.length - 1)) {
    throw new RangeError(
      cam
        ? `CAM is defined at ${points.at(-1)}, the features before fc, not at ${point}`
        : `CAM is not defined for ${spec.id}`,
    );
  }
  const graph = new Graph();
  const image = graph.input("image", [n, h, w, 3]);
  const { logits, pooled, features } = model.explain(image, takesMask ? graph.input("mask", [n, h, w, 1]) : undefined);
  const k = logits.shape[1]!;
  // No sample's logit depends on another sample, so the sum's gradient is each one's own.
  const score = sum(mul(logits, graph.input("chosen", [n, k])));
  const { before, after } = features[at]!;
  const map = (f: Tensor, weights: Tensor) => classActivation(f, weights, { relu: method === "gradcam" });
  const [ofBefore, ofAfter] =
    method === "cam"
      ? new Array<Tensor>(2).fill(gradients(score, [pooled!])[0]!)
      : gradients(score, [before, after]).map(globalAvgPool);
  const outputs = { before: before === after ? undefined : map(before, ofBefore!), after: map(after, ofAfter!) };
  const [, height, width] = after.shape as [number, number, number];
  return {
    ...{ graph, outputs, size: [height, width], skipped: 0 },
    inputs(masks, classes) {
      const chosen = new Float32Array(n * k);
      for (const [i, of] of classes.entries()) chosen[k * i + of!] = 1;
      if (!takesMask) return { chosen };
      const mask = new Float32Array(n * h * w);
      for (const [i, given] of masks.entries()) mask.set(given!, i * h * w);
      return { chosen, mask };
    },
  };
}

function recordRollout(model: Explainable, { batch: n, size: [h, w] }: ExplainerOptions): Recorded {
  const { spec } = model;
  const methods = methodsOf(spec.explain);
  if (!methods.includes("rollout")) {
    throw new RangeError(`${spec.id} has no ${methodTitles.rollout}; it has ${methods.join(", ")}`);
  }
  const graph = new Graph();
  const { attention, grid } = model.attend(graph.input("image", [n, h, w, 3]));
  const tokens = 1 + grid[0] * grid[1];
  const after = rollout(attention, graph.input("row", [n, 1, tokens]));
  const row = Float32Array.from({ length: n * tokens }, (_, i) => (i % tokens === 0 ? 1 : 0));
  // The class token comes first, and is no patch.
  return { graph, outputs: { before: undefined, after }, size: grid, skipped: 1, inputs: () => ({ row }) };
}
