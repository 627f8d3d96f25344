/** Self-attention of transformers. */
import { requireKnown, requireShape, sameShape, showShape } from "../kernels/kernel.ts";
import { positionBiasGradKernel, positionBiasKernel } from "../kernels/position-bias.ts";
import { selfAttentionGradKernel, selfAttentionKernel, type Shifted } from "../kernels/self-attention.ts";
import { graphOf, type Graph } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

export type { Shifted };

export interface SelfAttentionSettings {
  heads: number;
  /** [heads, T, T] over query and key: added to the scores of every sample. */
  bias?: Tensor | undefined;
  /** Of samples that are shifted windows of images (`windowPartition`): which tokens do not see each other. */
  shifted?: Shifted | undefined;
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
    gradient: ([dy]) =>
      graph.record(selfAttentionGradKernel(x.shape, options), [...operands, outputs[0]!, dy!, outputs[1]!]),
  });
  return outputs[0]!;
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
