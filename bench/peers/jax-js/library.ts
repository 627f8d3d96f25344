/** jax-js on our own WebGPU device. Its arrays are [N, C, H, W], its convolution weights [Co, Ci, K, K]. */
import {
  defaultDevice,
  getWebGPUDevice,
  init,
  numpy as np,
  tree,
  type Array as JaxArray,
  type JsTree,
} from "@jax-js/jax";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { permute, type Layout } from "../../../src/nn/layout.ts";
import { lendDevice } from "../navigator.ts";

export type { JaxArray };

/**
 * Makes `gpu`'s device the one that jax-js runs on.
 * @throws Error if it runs on another one already: there is one jax-js a process
 */
export async function useDevice(gpu: Gpu): Promise<void> {
  lendDevice(gpu);
  await init("webgpu");
  if (getWebGPUDevice() !== gpu.device) throw new Error("jax-js does not take our WebGPU device");
  defaultDevice("webgpu");
}

/** Values on the host, as jax-js wants them. */
export interface HostArray {
  readonly data: Float32Array;
  readonly shape: number[];
}

/** Activations NHWC -> NCHW, convolution weights HWIO -> OIHW, those behind flattened maps HWCO -> CHWO; everything else stays. */
export function reordered(data: Float32Array, shape: readonly number[], kind: Kind): HostArray {
  const order = orders[kind];
  return order
    ? { data: permute(data, shape, order), shape: order.map((i) => shape[i]!) }
    : { data, shape: [...shape] };
}

export const upload = ({ data, shape }: HostArray): JaxArray => np.array(data, { shape });

export const toJax = (...args: Parameters<typeof reordered>): JaxArray => upload(reordered(...args));

/** The way back. Uses the array up. `shape` is the one in our layout. */
export async function fromJax(array: JaxArray, shape: readonly number[], kind: Kind): Promise<Float32Array> {
  const data = (await array.data()) as Float32Array;
  const order = orders[kind];
  if (!order) return data;
  const theirs = order.map((i) => shape[i]!);
  return permute(data, theirs, order.map((_, i) => order.indexOf(i))); // prettier-ignore
}

export type Kind = "activation" | "weight" | "flattened" | "other";

const orders: Readonly<Record<Kind, readonly number[] | undefined>> = {
  activation: [0, 3, 1, 2],
  weight: [3, 2, 0, 1],
  // Behind maps whose channels come first.
  flattened: [2, 0, 1, 3],
  other: undefined,
};

/** What an array of this shape is, among parameters or activations. */
export const kindOf = (shape: readonly number[], rank4: Kind): Kind => (shape.length === 4 ? rank4 : "other");

/** What a parameter is. */
export const kindOfLayout = (layout: Layout): Kind =>
  layout === "conv" ? "weight" : layout === "flattened" ? "flattened" : "other";

/**
 * Has what is pending submitted, which otherwise only happens when something is read. All outputs of one jitted call are
 * computed when one of them is. Uses the arrays up.
 */
export async function submit(outputs: JsTree<JaxArray>): Promise<void> {
  const [first] = tree.leaves(outputs);
  await (first as JaxArray).ref.gpuBuffer();
  tree.dispose(outputs);
}
