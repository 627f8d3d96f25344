/** Functions of single values, element by element. */
import type { Tensor } from "../graph/tensor.ts";
import { requireKnown, requireNumber, requireShape } from "../kernels/kernel.ts";
import { apply, literal } from "./elementwise.ts";

/** -x. */
export const neg = (x: Tensor): Tensor => apply("neg", [x], "-a", (dy) => [apply("neg.grad", [dy], "-a")]);

/** e to the x. */
export const exp = (x: Tensor): Tensor => apply("exp", [x], "exp(a)", (dy, y) => [apply("exp.grad", [dy, y], "a * b")]);

/** The natural logarithm; for x of at least 0. */
export const log = (x: Tensor): Tensor => apply("log", [x], "log(a)", (dy) => [apply("log.grad", [dy, x], "a / b")]);

/** The square root; its gradient at 0 is infinite, as in PyTorch. For x of at least 0. */
export const sqrt = (x: Tensor): Tensor =>
  apply("sqrt", [x], "sqrt(a)", (dy, y) => [apply("sqrt.grad", [dy, y], "0.5 * a / b")]);

/** |x|; the gradient at 0 is 0. */
export const abs = (x: Tensor): Tensor =>
  apply("abs", [x], "abs(a)", (dy) => [apply("abs.grad", [dy, x], "a * sign(b)")]);

/** WGSL's own may overflow for large values, and lose digits of small ones. */
const tanhFunction = `
fn tanhOf(x: vec4f) -> vec4f {
  let s = x * x;
  let small = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  let size = abs(x);
  let e = exp(-2.0 * select(size, vec4f(20.0), size > vec4f(20.0)));
  return select(sign(x) * (1.0 - e) / (1.0 + e), small, size < vec4f(0.25));
}`;

/** The hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor =>
  apply("tanh", [x], "tanhOf(a)", (dy, y) => [apply("tanh.grad", [dy, y], "a * (1.0 - b * b)")], tanhFunction);

/** Bounds of `clamp`; undefined: no bound. */
export interface ClampOptions {
  min?: number;
  max?: number;
}

/**
 * x, but no less than `min` and no more than `max`; the gradient is that of x within them, bounds included, and 0 outside.
 * @throws ShapeError without bounds, or where they are in the wrong order
 */
export function clamp(x: Tensor, bounds: ClampOptions): Tensor {
  requireKnown("clamp", bounds, ["min", "max"]);
  const { min, max } = bounds;
  requireShape(min !== undefined || max !== undefined, () => "clamp: give min, max or both");
  if (min !== undefined) requireNumber("clamp", "min", min);
  if (max !== undefined) requireNumber("clamp", "max", max);
  requireShape(!(min! > max!), () => `clamp: min ${min!} is above max ${max!}`);
  const least = min === undefined ? undefined : `vec4f(${literal(min)})`;
  const most = max === undefined ? undefined : `vec4f(${literal(max)})`;
  // Unlike max and min, it keeps NaN.
  const above = least ? `select(a, ${least}, a < ${least})` : "a";
  const within = [...(least ? [`(b >= ${least})`] : []), ...(most ? [`(b <= ${most})`] : [])].join(" & ");
  const gradient = (dy: Tensor) => [apply("clamp.grad", [dy, x], `select(vec4f(), a, ${within})`)];
  return apply("clamp", [x], most ? `select(${above}, ${most}, a > ${most})` : above, gradient, "", { min, max });
}

export interface PowSettings {
  readonly exponent: number;
}

/** Whole exponents up to this one are multiplied out. */
const MOST_FACTORS = 16;

/** WGSL for a value to the power of a number. */
function power(value: string, exponent: number): string {
  if (exponent < 0) return `1.0 / (${power(value, -exponent)})`;
  if (exponent === 0) return "vec4f(1.0)";
  if (exponent === 0.5) return `sqrt(${value})`;
  if (!Number.isInteger(exponent)) return `pow(${value}, vec4f(${literal(exponent)}))`;
  if (exponent <= MOST_FACTORS) return Array.from({ length: exponent }, () => value).join(" * ");
  const size = `pow(abs(${value}), vec4f(${literal(exponent)}))`;
  return exponent % 2 === 0 ? size : `sign(${value}) * ${size}`;
}

/**
 * x to the power of a number. Where that is no whole number, x has to be at least 0: of others, what comes out depends on the adapter.
 * @throws ShapeError
 */
export function pow(x: Tensor, exponent: number): Tensor {
  requireNumber("pow", "exponent", exponent);
  const slope = exponent === 0 ? "vec4f()" : `a * ${literal(exponent)} * (${power("b", exponent - 1)})`;
  const settings = { exponent } satisfies PowSettings;
  return apply("pow", [x], power("a", exponent), (dy) => [apply("pow.grad", [dy, x], slope)], "", settings);
}
