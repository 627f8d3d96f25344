/**
 * Distributions of initial values by the names and with the defaults of torch.nn.init, for the rule of `initialValuesBy`.
 *
 *     const rule = (name: string) => (name.endsWith("weight") ? init.kaimingNormal({ mode: "fan_out" }) : init.zeros());
 *     net.finish(initialValuesBy(seed, rule));
 */
import { requireKnown, requireNumber, requireShape, showShape } from "../kernels/kernel.ts";
import {
  constant,
  fanIn,
  fanOut,
  normal as centredNormal,
  truncatedNormal,
  uniform as evenly,
  type Draw,
} from "./draws.ts";
import { fromTorch, torchShape } from "./layout.ts";
import type { Parameter } from "./parameter.ts";

export { constant };

/** Zeros. */
export const zeros = (): Draw => constant(0);

/** Ones. */
export const ones = (): Draw => constant(1);

const shifted = (draw: Draw, by: number): Draw =>
  by === 0 ? draw : (parameter, random) => draw(parameter, random).map((value) => value + by);

/** Normal. @throws ShapeError unless `std` is at least 0 */
export function normal(mean = 0, std = 1): Draw {
  requireNumber("normal", "mean", mean);
  return shifted(centredNormal(std), mean);
}

/** Uniform in [a, b). @throws ShapeError unless `a` is no more than `b` */
export function uniform(a = 0, b = 1): Draw {
  for (const [name, value] of Object.entries({ a, b })) requireNumber("uniform", name, value);
  requireShape(a <= b, () => `uniform: a ${a} is above b ${b}`);
  return shifted(evenly((b - a) / 2), (a + b) / 2);
}

/** Normal, drawn again where it lies outside [a, b], which are values, not standard deviations. @throws ShapeError as `draws.truncatedNormal` */
export function truncNormal(mean = 0, std = 1, a = -2, b = 2): Draw {
  requireNumber("truncNormal", "mean", mean);
  return shifted(truncatedNormal(std, a - mean, b - mean), mean);
}

/** What PyTorch knows gains of. */
export type Nonlinearity = "linear" | "conv2d" | "sigmoid" | "tanh" | "relu" | "leaky_relu" | "selu";

const gains: Readonly<Record<Nonlinearity, (slope: number) => number>> = {
  linear: () => 1,
  conv2d: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leaky_relu: (slope) => Math.sqrt(2 / (1 + slope ** 2)),
  selu: () => 3 / 4,
};

/** torch.nn.init.calculate_gain. @throws ShapeError for an unknown nonlinearity */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  const known = Object.keys(gains);
  requireShape(
    known.includes(nonlinearity),
    () => `calculateGain: there is no ${nonlinearity}; there are ${known.join(", ")}`,
  );
  requireNumber("calculateGain", "slope", slope);
  return gains[nonlinearity](slope);
}

/** As of torch.nn.init's Kaiming distributions. */
export interface KaimingOptions {
  /** Whether the variance of values (the default) or that of gradients is to be kept. */
  mode?: "fan_in" | "fan_out";
  /** What comes after the weight; default "leaky_relu". */
  nonlinearity?: Nonlinearity;
  /** Slope of the negative part of a leaky ReLU; default 0. */
  a?: number;
}

/** As of torch.nn.init's Xavier and orthogonal distributions. */
export interface GainOptions {
  /** Default 1; `calculateGain` knows others. */
  gain?: number;
}

/** @throws ShapeError for a vector */
function requireWeight(op: string, { layout, name, shape }: Parameter): void {
  requireShape(
    layout !== "vector",
    () =>
      `${op}: ${name || "a vector"} ${showShape(shape)} is no weight, so it has no fans; give zeros, constant or uniform for it`,
  );
}

function kaiming(op: string, options: KaimingOptions, of: (std: number) => Draw): Draw {
  requireKnown(op, options, ["mode", "nonlinearity", "a"]);
  const { mode = "fan_in", nonlinearity = "leaky_relu", a = 0 } = options;
  requireShape(
    ["fan_in", "fan_out"].includes(mode),
    () => `${op}: mode must be fan_in or fan_out, got ${mode as string}`,
  );
  const gain = calculateGain(nonlinearity, a);
  return (parameter, random) => {
    requireWeight(op, parameter);
    return of(gain / Math.sqrt(mode === "fan_in" ? fanIn(parameter) : fanOut(parameter)))(parameter, random);
  };
}

function xavier(op: string, options: GainOptions, of: (std: number) => Draw): Draw {
  requireKnown(op, options, ["gain"]);
  const { gain = 1 } = options;
  requireNumber(op, "gain", gain, 0);
  return (parameter, random) => {
    requireWeight(op, parameter);
    return of(gain * Math.sqrt(2 / (fanIn(parameter) + fanOut(parameter))))(parameter, random);
  };
}

/** Uniform values of this standard deviation. */
const uniformOf = (std: number): Draw => evenly(Math.sqrt(3) * std);

/** He et al. 2015, normal: standard deviation gain / sqrt(fan). @throws ShapeError; of a vector when it is drawn */
export const kaimingNormal = (options: KaimingOptions = {}): Draw => kaiming("kaimingNormal", options, centredNormal);

/** He et al. 2015, uniform: within gain sqrt(3 / fan). @throws ShapeError; of a vector when it is drawn */
export const kaimingUniform = (options: KaimingOptions = {}): Draw => kaiming("kaimingUniform", options, uniformOf);

/** Glorot and Bengio 2010, normal: standard deviation gain sqrt(2 / (in + out)). @throws ShapeError; of a vector when it is drawn */
export const xavierNormal = (options: GainOptions = {}): Draw => xavier("xavierNormal", options, centredNormal);

/** Glorot and Bengio 2010, uniform: within gain sqrt(6 / (in + out)). @throws ShapeError; of a vector when it is drawn */
export const xavierUniform = (options: GainOptions = {}): Draw => xavier("xavierUniform", options, uniformOf);

/**
 * Orthogonal rows, or columns where these are fewer, of the weight as a matrix [out, in]: Saxe et al. 2013. Takes of the order of
 * out · in · min(out, in) operations.
 * @throws ShapeError; of a vector when it is drawn
 */
export function orthogonal(options: GainOptions = {}): Draw {
  requireKnown("orthogonal", options, ["gain"]);
  const { gain = 1 } = options;
  requireNumber("orthogonal", "gain", gain);
  return (parameter, random) => {
    requireWeight("orthogonal", parameter);
    const { shape, layout, size } = parameter;
    const rows = torchShape(shape, layout)[0]!;
    const columns = size / rows;
    const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
    const vectors: Float64Array[] = [];
    while (vectors.length < count) {
      const vector = Float64Array.from({ length }, () => random.normal());
      // Twice: what rounding leaves of the others is gone after the second time.
      for (const other of [...vectors, ...vectors]) subtract(vector, other, dot(vector, other));
      const norm = Math.sqrt(dot(vector, vector));
      vectors.push(vector.map((value) => value / norm));
    }
    const torch = Float32Array.from({ length: size }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return gain * (rows <= columns ? vectors[row]![column]! : vectors[column]![row]!);
    });
    return fromTorch(torch, shape, layout);
  };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function subtract(from: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= factor * vector[i]!;
}
