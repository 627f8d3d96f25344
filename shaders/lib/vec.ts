/** Vector types of 1, 2 or 4 lanes of f32, as WGSL spells them. */

export type Lanes = 1 | 2 | 4;

export const vec = (lanes: Lanes): string => (lanes === 1 ? "f32" : `vec${lanes}f`);
export const uvec = (lanes: Lanes): string => (lanes === 1 ? "u32" : `vec${lanes}u`);

/** Component k of a vector expression; the expression itself when it is a scalar. */
export const component = (expression: string, k: number, lanes: Lanes): string =>
  lanes === 1 ? expression : `${expression}.${"xyzw"[k]}`;

/** The sum of a vector's components. */
export const horizontalSum = (expression: string, lanes: Lanes): string =>
  lanes === 1 ? expression : `dot(${expression}, ${vec(lanes)}(1.0))`;

/** Calls `f` for 0..n-1 and joins the lines: the way unrolled loops are written. */
export function unroll(n: number, f: (i: number) => string, separator = "\n"): string {
  const parts: string[] = [];
  for (let i = 0; i < n; i++) parts.push(f(i));
  return parts.join(separator);
}

/**
 * Whether all conditions hold. `&&` would become branches; a dozen in a row keep SwiftShader compiling for minutes. A
 * signed index is compared as u32, which also rules out values below 0.
 */
export const all = (...conditions: string[]): string => conditions.map((condition) => `(${condition})`).join(" & ");

/** ReLU of a variable or constant. Unlike max(v, 0) it keeps NaN, wherever comparisons with it are false. */
export const rectified = (v: string, type: string): string => `select(${v}, ${type}(), ${v} <= ${type}())`;
