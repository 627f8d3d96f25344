/** Self-attention of transformers. */
import { tokensKernel } from "../kernels/gather.ts";
import { requireKnown, requireShape, requireWhole, sameShape, showShape } from "../kernels/kernel.ts";
import { spreadKernel } from "../kernels/spread.ts";
import { positionBiasGradKernel, positionBiasKernel } from "../kernels/position-bias.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";
import { selfAttentionGradKernel, selfAttentionKernel, type Shifted } from "../kernels/self-attention.ts";
import { graphOf, type Graph } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { matmul, softmax } from "./matmul.ts";
import { headsApart, headsTogether, type HeadsSettings } from "./tokens.ts";

export type { Shifted };

/** The heads of `selfAttention`, and what changes their scores. */
export interface SelfAttentionSettings {
  heads: number;
  /** [heads, T, T] over query and key: added to the scores of every sample. */
  bias?: Tensor | undefined;
  /** Of samples that are shifted windows of images (`windowPartition`): which tokens do not see each other. */
  shifted?: Shifted | undefined;
}

export type AttentionSettings = Pick<SelfAttentionSettings, "heads" | "shifted">;

/** Of the node that takes queries (0), keys (1) or values (2) out. */
export interface ThirdSettings extends HeadsSettings {
  readonly third: number;
}

/**
 * softmax(q kᵀ / √D + bias) v for each head.
 * @param x [B, T, 3 C]: queries, keys and values, each head by head; D = C / heads is a multiple of 4
 * @returns [B, T, C], head by head
 * @throws ShapeError
 */
export function selfAttention(x: Tensor, settings: SelfAttentionSettings): Tensor {
  requireKnown("selfAttention", settings, ["heads", "bias", "shifted"]);
  const { heads, bias, shifted } = settings;
  requireTensors("selfAttention", x, ...(bias === undefined ? [] : [bias]));
  const options = { heads, biased: bias !== undefined, shifted };
  const kernel = selfAttentionKernel(x.shape, options);
  const wanted = [heads, x.shape[1]!, x.shape[1]!];
  requireShape(
    bias === undefined || sameShape(bias.shape, wanted),
    () =>
      `selfAttention: ${showShape(x.shape)} with ${heads} heads needs a bias ${showShape(wanted)}, got ${showShape(bias!.shape)}`,
  );
  const graph = graphOf("selfAttention", x);
  const operands = bias ? [x, bias] : [x];
  const outputs = graph.record(kernel, operands, {
    settings: { heads, shifted } satisfies AttentionSettings,
    gradient: ([dy]) =>
      graph.record(selfAttentionGradKernel(x.shape, options), [...operands, outputs[0]!, dy!, outputs[1]!]),
  });
  return outputs[0]!;
}

/** What `selfAttentionWithWeights` returns. */
export interface AttentionWithWeights {
  /** [B, T, C], head by head: what `selfAttention` returns. */
  readonly y: Tensor;
  /** The weights softmax(q kᵀ / √D), [B · heads, T, T] over query and key, a sample's heads behind each other. */
  readonly weights: Tensor;
}

/**
 * `selfAttention` in single steps, which shows its weights. It moves many times the bytes.
 * @param x [B, T, 3 C]: queries, keys and values, each head by head
 * @throws ShapeError
 */
export function selfAttentionWithWeights(x: Tensor, heads: number): AttentionWithWeights {
  requireTensors("selfAttentionWithWeights", x);
  requireWhole("selfAttentionWithWeights", "heads", heads, 1);
  const channels = x.shape.at(-1)!;
  requireShape(
    x.shape.length === 3 && channels % (3 * heads) === 0,
    () =>
      `selfAttentionWithWeights: ${showShape(x.shape)} does not divide into ${heads} heads of queries, keys and values`,
  );
  const apart = headsApart(x, 3 * heads);
  const [q, k, v] = [0, 1, 2].map((i) => third(apart, x.shape[0]!, i)) as [Tensor, Tensor, Tensor];
  const weights = softmax(matmul(q, k, { transposeB: true }), { scale: 1 / Math.sqrt(channels / (3 * heads)) });
  return { y: headsTogether(matmul(weights, v), heads), weights };
}

/** The queries (0), keys (1) or values (2) among x [B · 3 heads, T, D]: [B · heads, T, D]. */
function third(x: Tensor, batch: number, i: number): Tensor {
  const [all, t, d] = x.shape as [number, number, number];
  const [each, heads] = [all / batch, all / batch / 3];
  const graph = graphOf("selfAttentionWithWeights", x);
  return graph.record(tokensKernel("selfAttentionWithWeights.third", [batch, each, t * d], heads, i * heads), [x], {
    shapes: [[batch * heads, t, d]],
    settings: { heads, third: i } satisfies ThirdSettings,
    gradient: ([dy]) =>
      graph.record(tokensKernel("selfAttentionWithWeights.thirdGrad", [batch, heads, t * d], each, -i * heads), [dy!], {
        shapes: [x.shape],
      }),
  })[0]!;
}

/**
 * The mean of a sample's heads: x [B · heads, T, K] -> [B, T, K].
 * @throws ShapeError
 */
export function headMean(x: Tensor, heads: number): Tensor {
  requireTensors("headMean", x);
  requireWhole("headMean", "heads", heads, 1);
  requireShape(
    x.shape.length === 3 && x.shape[0]! % heads === 0,
    () => `headMean: ${showShape(x.shape)} are no samples of ${heads} heads`,
  );
  const [all, t, k] = x.shape as [number, number, number];
  // The heads as pixels whose channels are the values of one.
  const pixels = [all / heads, heads, 1, t * k];
  const graph = graphOf("headMean", x);
  return graph.record(spatialSumKernel("headMean", pixels, "none", 1 / heads), [x], {
    shapes: [[all / heads, t, k]],
    settings: { heads } satisfies HeadsSettings,
    gradient: ([dy]) => graph.record(spreadKernel(pixels, 1 / heads), [dy!], { shapes: [x.shape] }),
  })[0]!;
}

/**
 * The bias of attention within windows of `window`² pixels by the relative position of query and key, as in Swin transformers.
 * @param table [(2 window - 1)², heads]; row (dy + window - 1) (2 window - 1) + dx + window - 1, (dy, dx) = query - key
 * @param graph where it is recorded, if the table is a parameter, which belongs to none
 * @returns [heads, window², window²]
 * @throws ShapeError
 */
export function relativePositionBias(table: Tensor, window: number, graph?: Graph): Tensor {
  requireTensors("relativePositionBias", table);
  const own = graph ?? graphOf("relativePositionBias", table);
  return own.record(positionBiasKernel(table.shape, window), [table], {
    gradient: ([dy]) => own.record(positionBiasGradKernel(table.shape, window), [dy!]),
  })[0]!;
}
