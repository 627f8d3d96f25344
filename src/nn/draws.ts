/** Distributions of initial values, as in torch.nn.init. A model's rule chooses one for each parameter (`initialValuesBy`). */
import { requireNumber, requireShape, showShape } from "../kernels/kernel.ts";
import type { Parameter } from "./parameter.ts";
import type { RandomStream } from "./random.ts";

/** Draws a parameter's values. */
export type Draw = (parameter: Parameter, random: RandomStream) => Float32Array;

function each({ size }: Parameter, draw: () => number): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = draw();
  return values;
}

/** The same value everywhere. @throws ShapeError unless it is a number that f32 can hold */
export function constant(value: number): Draw {
  requireNumber("constant", "value", value);
  return (parameter) => each(parameter, () => value);
}

/** Normal around 0. @throws ShapeError unless `std` is a number of at least 0 */
export function normal(std: number): Draw {
  requireNumber("normal", "std", std, 0);
  return (parameter, random) => each(parameter, () => std * random.normal());
}

/**
 * Normal around 0, drawn again where it lies outside [low, high]; the default is PyTorch's, in absolute values.
 * @throws ShapeError for bounds that are not on both sides of 0, or too close together to be met by chance
 */
export function truncatedNormal(std: number, low = -2, high = 2): Draw {
  for (const [name, value] of Object.entries({ std, low, high })) requireNumber("truncatedNormal", name, value);
  requireShape(
    std > 0 && low <= -std / 4 && high >= std / 4,
    () => `truncatedNormal: std ${std} must be above 0, and [${low}, ${high}] reach a quarter of it on both sides of 0`,
  );
  const draw = (random: RandomStream): number => {
    for (;;) {
      const value = std * random.normal();
      if (value >= low && value <= high) return value;
    }
  };
  return (parameter, random) => each(parameter, () => draw(random));
}

/** Uniform in [-bound, bound). @throws ShapeError unless `bound` is a number of at least 0 */
export function uniform(bound: number): Draw {
  requireNumber("uniform", "bound", bound, 0);
  return (parameter, random) => each(parameter, () => bound * (2 * random.uniform() - 1));
}

/** Uniform within 1 / sqrt(in), as PyTorch's layers draw their weights (kaiming_uniform_ with a = sqrt(5)) and their biases. */
export const fanInUniform: Draw = (parameter, random) => uniform(1 / Math.sqrt(fanIn(parameter)))(parameter, random);

/** Uniform within sqrt(6 / (in + out)) (xavier_uniform_); a matrix of several layers counts as one. */
export const xavierUniform: Draw = (parameter, random) =>
  uniform(Math.sqrt(6 / (fanIn(parameter) + fanOut(parameter))))(parameter, random);

/** Normal with variance 2 / out (kaiming_normal_ with fan_out and relu): out counts all groups' channels times the kernel's elements. */
export const heNormal: Draw = (parameter, random) => normal(Math.sqrt(2 / fanOut(parameter)))(parameter, random);

/**
 * Inputs of one output: of a weight by its layout; of a bias those of its layer.
 * @throws ShapeError for a vector that belongs to no weight
 */
export function fanIn({ shape, layout, size, fanIn: stated, name }: Parameter): number {
  if (layout !== "vector") return size / shape.at(-1)!;
  requireShape(
    stated !== undefined,
    () => `${name || "a vector"} ${showShape(shape)} has no fan-in: it is no layer's bias`,
  );
  return stated;
}

/** Outputs of a weight, times the elements of a convolution's kernel. @throws ShapeError for a vector */
export function fanOut({ shape, layout, name }: Parameter): number {
  requireShape(layout !== "vector", () => `${name || "a vector"} ${showShape(shape)} has no fan-out: it is no weight`);
  return layout === "conv" ? shape[0]! * shape[1]! * shape[3]! : shape.at(-1)!;
}
