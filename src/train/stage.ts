/** The compiled step of each training stage, and evaluation. */
import type { Batch, Label } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { compile, compileAhead, kernelsOf, requireFit } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";

import type { Node, Tensor } from "../graph/tensor.ts";
import type { Plan } from "../graph/plan.ts";
import { profilePlan, type NodeProfile } from "../graph/profile.ts";
import { isList, requireFloats, requireKnown, requireShape, type Kernel } from "../kernels/kernel.ts";
import { evaluation, type Evaluation } from "../metrics/evaluation.ts";
import { fromSecond } from "../metrics/predictions.ts";
import { heldOutLoss, maskLossOf, type LossTerms } from "../metrics/held-out-loss.ts";
import { maskScore } from "../metrics/mask.ts";
import type { MGANet } from "../models/mganet.ts";
import type { Adam } from "./adam.ts";
import { jointLoss, segmentationLoss, type MaskLoss } from "./losses.ts";

export const stages = ["segmentation", "joint"] as const;
export type Stage = (typeof stages)[number];

export interface StepOptions {
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  maskLoss: MaskLoss;
  alpha: number;
  /** Weights of the two classes in the loss; undefined where they count alike. */
  weight?: readonly number[] | undefined;
  /** Whether the backward pass computes cheap activations again instead of keeping them. */
  recompute?: boolean;
}

/** The loss of one training step, and its terms in the joint stage. */
export interface StepLosses {
  loss: number;
  cls?: number;
  seg?: number;
}

export interface StepResult {
  losses: StepLosses;
  /** Whether loss and gradients are; if not, the step has changed neither parameters nor Adam's moments. */
  finite: boolean;
}

/** Training went bad. The message names the step and the first tensor that holds a value which is not finite. */
export class DivergedError extends Error {
  override name = "DivergedError";
}

/** One training step of a stage: forward, backward, Adam and batch-norm statistics in one submit. */
export class TrainingStep {
  readonly plan: Plan;
  readonly #adam: Adam;
  readonly #stage: Stage;
  readonly #updates: ReadonlySet<Node>;

  private constructor(plan: Plan, adam: Adam, stage: Stage, updates: readonly Node[]) {
    this.plan = plan;
    this.#adam = adam;
    this.#stage = stage;
    this.#updates = new Set(updates);
  }

  static async create(gpu: Gpu, net: MGANet, adam: Adam, stage: Stage, options: StepOptions): Promise<TrainingStep> {
    const { graph, outputs, updates } = record(net, adam, stage, options);
    const { recompute = false } = options;
    return new TrainingStep(await compile(gpu, graph, { outputs, updates, recompute }), adam, stage, updates);
  }

  /** Has the shaders of a later stage compiled in the background, where the driver puts that off. */
  static async ahead(gpu: Gpu, net: MGANet, adam: Adam, stage: Stage, options: StepOptions): Promise<void> {
    const { graph, outputs, updates } = record(net, adam, stage, options);
    await compileAhead(gpu, graph, { outputs, updates, recompute: options.recompute ?? false });
  }

  /**
   * @returns bytes of memory that it needs on the device at the least
   * @throws PlanError if `create` would, because a tensor exceeds the adapter's limits
   */
  static requireFit(gpu: Gpu, net: MGANet, adam: Adam, stage: Stage, options: StepOptions): number {
    const { graph, outputs, updates } = record(net, adam, stage, options);
    return requireFit(gpu, graph, { outputs, updates, recompute: options.recompute ?? false });
  }

  /** The kernels that `create` would compile; costs little. */
  static kernels(net: MGANet, adam: Adam, stage: Stage, options: StepOptions): Kernel[] {
    const { graph, outputs, updates } = record(net, adam, stage, options);
    return kernelsOf(graph, { outputs, updates });
  }

  /** Takes one step at learning rate `lr`. A second one may be started before the first has ended. */
  async run(batch: Batch, lr: number): Promise<StepResult> {
    const { guard, ...out } = await this.plan.run({ ...inputsOf(batch, this.#stage), adam: this.#adam.advance(lr) });
    const losses = Object.fromEntries(Object.entries(out).map(([name, value]) => [name, value[0]!]));
    return { losses: losses as unknown as StepLosses, finite: Number.isFinite(guard![0]) };
  }

  /** Where the time of a step goes. Takes some steps on this batch and undoes them. */
  profile(gpu: Gpu, batch: Batch): Promise<NodeProfile[]> {
    return profilePlan(gpu, this.plan, { ...inputsOf(batch, this.#stage), adam: Float32Array.of(0, 1) });
  }

  /** Why a step on this batch is not finite: it has left the parameters alone, so the pass can be run again. */
  async diagnose(batch: Batch, step: number): Promise<DivergedError> {
    const label = await this.plan.firstNonFinite(
      { ...inputsOf(batch, this.#stage), adam: new Float32Array(2) },
      (node) => this.#updates.has(node),
    );
    const first = label ? `the first tensor that is not: ${label}` : "on a second look every tensor is";
    const advice = label?.startsWith("input ") ? "" : "; a lower learning rate may help";
    return new DivergedError(`step ${step}: loss or gradients are not finite; ${first}${advice}`);
  }
}

/** The graph of a stage's step. */
function record(net: MGANet, adam: Adam, stage: Stage, options: StepOptions) {
  const {
    batch: n,
    size: [h, w],
    maskLoss,
    alpha,
    weight,
  } = options;
  const graph = new Graph({ training: true });
  const image = graph.input("image", [n, h, w, 3]);
  const target = graph.input("target", [n, h, w, 1]);
  if (stage === "segmentation") {
    const { logits, mask } = net.segment(image);
    const loss = segmentationLoss(maskLoss, logits, mask, target);
    const { updates, guard } = adam.record(graph, loss);
    return { graph, updates, outputs: { loss, guard } };
  }
  const label = graph.input("label", [n], "u32");
  const { total, cls, seg } = jointLoss(net.forward(image), label, target, {
    kind: maskLoss,
    alpha,
    ...(weight ? { weight } : {}),
  });
  const { updates, guard } = adam.record(graph, total);
  return { graph, updates, outputs: { loss: total, cls, seg, guard } };
}

/** What the graph of a stage's step is given. */
function inputsOf({ image, target, label }: Batch, stage: Stage): Record<string, Float32Array | Uint32Array> {
  return stage === "joint" ? { image, target, label } : { image, target };
}

/** What the network says of one image. */
export interface Prediction {
  /** Probability of malignancy. */
  malignant: number;
  /** Probability of nodule at every pixel, [H, W]. */
  mask: Float32Array;
}

export interface PredictorOptions {
  batch: number;
  /** Height and width of the input. */
  size: readonly [number, number];
  stage?: Stage;
  /** Store weights and activations in half precision; the adapter has to have shader-f16. */
  half?: boolean;
}

/** The graph of inference. */
function recordInference(net: MGANet, { batch: n, size: [h, w], stage = "joint" }: PredictorOptions) {
  const graph = new Graph();
  const image = graph.input("image", [n, h, w, 3]);
  const outputs: Record<string, Tensor> = {};
  if (stage === "joint") {
    const { logits, mask } = net.forward(image);
    Object.assign(outputs, { logits, mask });
  } else outputs["mask"] = net.segment(image).mask;
  return { graph, outputs };
}

/** Inference in batches of a fixed size; the last one is filled up. */
export class Predictor {
  readonly #plan: Plan;
  readonly #batch: number;
  readonly #pixels: number;

  private constructor(plan: Plan, batch: number, pixels: number) {
    this.#plan = plan;
    this.#batch = batch;
    this.#pixels = pixels;
  }

  /** With stage "segmentation", the classifier is left out and `malignant` is NaN. */
  static async create(gpu: Gpu, net: MGANet, options: PredictorOptions): Promise<Predictor> {
    requireKnown("Predictor", options, ["batch", "size", "stage", "half"]);
    const { batch, size, stage = "joint" } = options;
    requireShape(
      isList(size) && size.length === 2,
      () => `Predictor: size is ${String(size)}, and has to be [height, width]`,
    );
    requireShape(stages.includes(stage), () => `Predictor: there is no stage ${stage}; there are ${stages.join(", ")}`);
    const { graph, outputs } = recordInference(net, options);
    const plan = await compile(gpu, graph, { outputs, frozen: true, half: options.half ?? false });
    return new Predictor(plan, batch, size[0] * size[1]);
  }

  /** The kernels that `create` would compile; costs little. */
  static kernels(net: MGANet, options: PredictorOptions): Kernel[] {
    const { graph, outputs } = recordInference(net, options);
    return kernelsOf(graph, { outputs, frozen: true });
  }

  /** To be called when the network's weights have changed by other means than `loadStateDict`, `writeVariable` and plans. */
  refresh(): void {
    this.#plan.refresh();
  }

  /**
   * @param image [M, H, W, 3] with any M
   * @throws TypeError if that is no Float32Array
   * @throws RangeError if that are no whole images
   */
  async predict(image: Float32Array): Promise<Prediction[]> {
    requireFloats("image", image);
    const perImage = 3 * this.#pixels;
    const count = image.length / perImage;
    if (!Number.isInteger(count)) {
      throw new RangeError(`image holds ${image.length} values, which are no whole images of ${perImage} values each`);
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
      for (let i = 0; i < n; i++) {
        predictions.push({
          // Softmax of two classes.
          malignant: logits ? 1 / (1 + Math.exp(logits[2 * i]! - logits[2 * i + 1]!)) : NaN,
          mask: mask!.slice(i * this.#pixels, (i + 1) * this.#pixels),
        });
      }
    }
    return predictions;
  }

  /** Where the time of one batch goes, as full as it may be. @param image [M, H, W, 3], of which the first are taken */
  profile(gpu: Gpu, image: Float32Array): Promise<NodeProfile[]> {
    const filled = new Float32Array(this.#batch * 3 * this.#pixels);
    filled.set(image.subarray(0, filled.length));
    return profilePlan(gpu, this.#plan, { image: filled });
  }

  destroy(): void {
    this.#plan.destroy();
  }
}

/** How one image of an evaluation came out. */
export interface ImageResult {
  id: string;
  /** Probability of malignancy; NaN in the segmentation stage. */
  malignant: number;
  label: 0 | 1 | undefined;
  /** Of the mask against the ellipses of the image's boxes; null where none are known, which is not an empty mask. */
  dice: number | null;
  iou: number | null;
}

/** Whether images with a class are of both: F1 compares epochs only then. */
export function bothClasses(images: Iterable<{ label: Label }>): boolean {
  return new Set([...images].map(({ label }) => label).filter((label) => label !== undefined)).size === 2;
}

/**
 * Evaluates a predictor over batches. Images without a class count for Dice only; in the segmentation stage all do. Images of
 * which no outline is known (`bare`) count for the class only. The loss is added in the joint stage where `terms` are given and
 * the images are not of both classes.
 */
export async function evaluate(
  predictor: Predictor,
  batches: AsyncIterable<Batch>,
  stage: Stage,
  unlabelled: ReadonlySet<string>,
  bare: ReadonlySet<string> = new Set(),
  terms?: LossTerms,
): Promise<{ metrics: Evaluation; images: ImageResult[] }> {
  const images: ImageResult[] = [];
  const maskLosses: (number | null)[] = [];
  predictor.refresh();
  for await (const batch of batches) {
    const pixels = batch.target.length / batch.ids.length;
    for (const [i, { malignant, mask }] of (await predictor.predict(batch.image)).entries()) {
      const id = batch.ids[i]!;
      const label = unlabelled.has(id) ? undefined : batch.label[i] === 1 ? 1 : 0;
      const target = batch.target.subarray(i * pixels, (i + 1) * pixels);
      const score = bare.has(id) ? { dice: null, iou: null } : maskScore(mask, target);
      images.push({ id, malignant, label, ...score });
      if (terms) maskLosses.push(bare.has(id) ? null : maskLossOf(mask, target, terms.maskLoss));
    }
  }
  const labelled = stage === "joint" ? images.filter((p) => p.label !== undefined) : [];
  const cases = { score: labelled.map((p) => p.malignant), label: labelled.map((p) => p.label!) };
  const metrics = evaluation(images, cases);
  if (!terms || stage !== "joint" || bothClasses(images)) return { metrics, images };
  const losses = images.map(({ malignant, label }, i) => {
    return { probabilities: fromSecond(malignant), label, maskLoss: maskLosses[i]! };
  });
  return { metrics: { ...metrics, loss: heldOutLoss(losses, terms) }, images };
}
