/**
 * The normal distribution function, as WGSL has no erf: an odd polynomial in the middle, exp(-x²/2) times a polynomial in
 * t = 1 / (1 + 0.325 |x|) outside (the form of Abramowitz & Stegun 26.2.17, after Hastings 1955; coefficients of the reference,
 * fitted in float32). Absolute error at most 1e-7.
 */

const SPLIT = 1.25;
const DECAY = 0.325;
const MIDDLE = [0.398942259, -0.0664899855, 0.00997150065, -0.00118270939, 0.000110327296, -6.64481805e-6];
const TAIL = [0.129776976, 0.12761144, 0.130050183, 0.0381931525, 0.148986103, -0.0748529675];

const horner = (coefficients: readonly number[], x: string): string =>
  coefficients.reduceRight((rest, c) => (rest === "" ? `vec4f(${c})` : `(${c} + ${x} * ${rest})`), "");

/** `bell(x)` = exp(-x²/2), and `normalCdf(x, bell(x))`, the share of the distribution below x. */
export const normalFunctions = `
fn bell(x: vec4f) -> vec4f { return exp(-0.5 * min(x * x, vec4f(400.0))); }
fn normalCdf(x: vec4f, e: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + ${DECAY} * abs(x));
  let tail = e * (t * ${horner(TAIL, "t")});
  let s = x * x;
  let middle = 0.5 + x * ${horner(MIDDLE, "s")};
  return select(select(tail, 1.0 - tail, x > vec4f()), middle, abs(x) < vec4f(${SPLIT}));
}`;

/** 1 / sqrt(2 pi). */
export const BELL_HEIGHT = 0.3989422804;
