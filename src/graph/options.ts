/** The options that a graph is compiled with. */
import type { Choice } from "./choice.ts";
import type { Node, Tensor } from "./tensor.ts";

/** Tensors by name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** What a plan computes, and how. */
export interface CompileOptions<Outputs extends NamedTensors = NamedTensors> {
  /** What each run returns, by name. */
  outputs?: Outputs;
  /** Nodes to run for their updates, such as Adam's. Required where the graph records such nodes; [] leaves them out. */
  updates?: readonly Node[];
  /** Use the plain variant of every kernel. */
  plain?: boolean;
  /** Chooses among a kernel's variants; default: what `setChoice` set for the device, else the first variant. */
  choice?: Choice;
  /**
   * For inference graphs: what depends only on variables is computed once, and again after they are written; batch normalisations
   * are folded into the convolutions before them.
   */
  frozen?: boolean;
  /**
   * In a frozen plan on an adapter with shader-f16: convolution weights, and activations other than the plan's inputs and
   * outputs, are stored in half precision. Arithmetic stays f32. An activation beyond 65504 becomes infinite.
   */
  half?: boolean;
  /** The backward pass recomputes cheap activations instead of keeping them: less memory, more time. */
  recompute?: boolean;
}

/** The tensors behind a plan's outputs, by name: of a view, the tensor whose memory it reads. */
export const outputsOf = ({ outputs = {} }: CompileOptions): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(outputs).map(([name, { base }]) => [name, base]));
