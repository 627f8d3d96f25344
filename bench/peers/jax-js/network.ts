/** What a network is in jax-js: functions of named parameters. */
import { nn, numpy as np } from "@jax-js/jax";
import type { NetworkOptions } from "../../shared-networks.ts";
import type { JaxArray } from "./library.ts";

export type Parameters = Record<string, JaxArray>;

/** A convolution with what follows it: its bias, batch norm or what they were folded into, residual, ReLU. */
export type ConvBlock = (conv: string, norm: string, x: JaxArray, options: ConvBlockOptions) => JaxArray;

export interface ConvBlockOptions {
  stride?: number;
  relu: boolean;
  residual?: JaxArray;
}

/** What training and inference differ in. */
export interface Kind {
  conv: (x: JaxArray, weight: JaxArray, stride?: number) => JaxArray;
  block: ConvBlock;
}

export interface Output {
  /** [N, 2]. */
  logits: JaxArray;
  /** [N, 1, H, W]; undefined if the network has none. */
  mask?: JaxArray;
}

/** `label` is one-hot, [N, 2]; `target` [N, 1, H, W]. */
export type BatchArrays = Record<"image" | "label" | "target", JaxArray>;

export interface JaxNetwork {
  /** Image [N, 3, H, W]. @throws RangeError for a variant that this peer does not know */
  readonly forward: (image: JaxArray, parameters: Parameters, options: NetworkOptions, kind: Kind) => Output;
  /** Averaged over the batch. */
  readonly loss: (output: Output, batch: BatchArrays, options: NetworkOptions) => JaxArray;
}

/** @throws Error if it is missing */
export function parameter(p: Parameters, name: string): JaxArray {
  const array = p[name];
  if (!array) throw new Error(`parameter ${name} is missing`);
  return array.ref;
}

/** x [..., I] -> [..., O]. */
export const linear = (x: JaxArray, p: Parameters, path: string): JaxArray =>
  np.matmul(x, parameter(p, `${path}.weight`)).add(parameter(p, `${path}.bias`));

/** Cross entropy. */
export function classLoss({ logits }: Output, { label }: BatchArrays): JaxArray {
  const each = nn.logSoftmax(logits.ref, -1).mul(label.ref);
  return np.mean(np.sum(each, 1)).mul(-1);
}
