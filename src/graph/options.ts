/** What a graph is compiled for. */
import type { Choice } from "./choice.ts";
import type { Node, Tensor } from "./tensor.ts";

export interface CompileOptions {
  /** What each run hands back, by name. */
  outputs?: Readonly<Record<string, Tensor>>;
  /** Nodes to run for what they update, such as Adam's. Where the graph records such nodes they have to be given; [] leaves them out. */
  updates?: readonly Node[];
  /** Use the plain variant of every kernel. */
  plain?: boolean;
  /** Chooses among a kernel's variants; default: what `setChoice` has set for the device, else the first variant. */
  choice?: Choice;
  /**
   * What depends on variables alone is computed once, and again after they were written; batch normalisations become part of the
   * convolutions before them. For graphs of inference.
   */
  frozen?: boolean;
  /**
   * In a frozen plan on an adapter with shader-f16: the weights of convolutions, and activations but for the plan's inputs and outputs, are
   * stored in half precision. Arithmetic stays f32. An activation beyond 65504 becomes infinite.
   */
  half?: boolean;
  /** Have the backward pass compute cheap activations again instead of keeping them: less memory, more time. */
  recompute?: boolean;
}
