/** Parameters: the variables of modules. */
import { requireKnown, requireNumber, requireShape, requireSizes, showShape, sizeOf } from "../kernels/kernel.ts";
import { Variable } from "../graph/tensor.ts";
import { axes, type Layout } from "./layout.ts";

/** How a parameter begins, and whether it is trained. */
export interface ParameterOptions {
  /** Default true. */
  trainable?: boolean;
  /** Of a vector: the value of every element. Default 0. */
  fill?: number;
  /** Of a vector: `initialValues` draws from [-uniform, uniform] instead. */
  uniform?: number;
  /** Of a bias: the inputs of one output of its layer. */
  fanIn?: number;
  /** The name of a quantity that cannot be negative, such as "variance". */
  notNegative?: string;
}

/** A parameter (trainable) or a buffer such as a running mean (not trainable) of a module. */
export class Parameter extends Variable {
  readonly layout: Layout;
  readonly trainable: boolean;
  /** `initialValues` draws uniformly from [-uniform, uniform]; undefined where the layout or `fill` determines the initial values. */
  readonly uniform: number | undefined;
  /** Inputs of one output of the layer whose bias it is; undefined for everything else. */
  readonly fanIn: number | undefined;
  /** The name of a quantity that cannot be negative, such as "variance". */
  readonly notNegative: string | undefined;

  /** @throws ShapeError if `shape` is not a shape, for an unknown layout, and for options that it does not have */
  constructor(shape: readonly number[], layout: Layout, options: ParameterOptions = {}) {
    requireSizes("Parameter", shape);
    requireShape(layout in axes, () => `Parameter: layout ${layout} is none of ${Object.keys(axes).join(", ")}`);
    // Weights are drawn by their layout, which would pass over the others.
    const others = layout === "vector" ? ["fill", "uniform", "fanIn"] : [];
    requireKnown(`Parameter, ${layout}`, options, ["trainable", "notNegative", ...others]);
    const { trainable = true, fill = 0, uniform, fanIn, notNegative } = options;
    requireNumber("Parameter", "fill", fill);
    requireNumber("Parameter", "uniform", uniform ?? 0);
    super("", shape, fill === 0 ? undefined : new Float32Array(sizeOf(shape)).fill(fill));
    this.layout = layout;
    this.trainable = trainable;
    this.uniform = uniform;
    this.fanIn = fanIn;
    this.notNegative = notNegative;
    // What a program would add, such as PyTorch's requires_grad, would do nothing.
    Object.preventExtensions(this);
  }

  override get unfit(): string | undefined {
    if (this.name !== "" || this.written) return undefined;
    return `a parameter ${showShape(this.shape)} that is not registered with a finished module, so it has no values: ${ADVICE}`;
  }
}

/** How to make `finish` find a module. */
export const ADVICE =
  "call finish(seed) on the root module once all modules exist, and keep modules and parameters in public properties " +
  "(or in arrays, plain objects and maps there): private #fields cannot be found";
