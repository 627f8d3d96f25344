/**
 * Attention rollout (Abnar & Zuidema 2020): how much of each token reaches the class token through the attention of all blocks.
 *
 * With A_l the mean of the heads' weights in block l of L, and half of each token's value going around the attention by the residual
 * connection, the rollout is the product A'_L ... A'_1 of A'_l = (A_l + I) / 2. Only the class token's row of it is needed, so it is a row
 * that goes from the last block to the first:  r <- (r + r A_l) / 2. No value is below 0, so nothing cancels, float32 is exact to a few
 * units in the last place, and T numbers of an image come back from the device instead of T² of each block.
 */
import { add, scale } from "../autograd/elementwise.ts";
import { matmul } from "../autograd/matmul.ts";
import { headMean } from "../autograd/self-attention.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * @param attention the weights of each block, the first one first: [N · heads, T, T] over query and key
 * @param row the row to begin with, [N, 1, T]: 1 at the token that is explained, 0 elsewhere
 * @returns the shares of all tokens in that one, [N, 1, T]; they add up to 1
 */
export function rollout(attention: readonly Tensor[], row: Tensor): Tensor {
  const through = (r: Tensor, weights: Tensor) => matmul(r, headMean(weights, weights.shape[0]! / row.shape[0]!));
  return attention.reduceRight((r, weights) => scale(add(r, through(r, weights)), 0.5), row);
}
