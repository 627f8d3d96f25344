/** The sizes of a 2-d convolution, and what its shaders share. Names as in PyTorch's Conv2d. */
import { params } from "./params.ts";

/** Taps in one direction of the kernels that Winograd's method is for. */
export const TAPS = 3;

export interface Conv2dShape {
  /** Input [n, h, w, ci]. */
  n: number;
  h: number;
  w: number;
  ci: number;
  /** Output [n, oh, ow, co]. */
  oh: number;
  ow: number;
  co: number;
  /** Weight [kh, kw, ci / groups, co]. */
  kh: number;
  kw: number;
  stride: readonly [number, number];
  padding: readonly [number, number];
  dilation: readonly [number, number];
  groups: number;
}

/** Multiply-adds of the direct algorithm, the same in all three passes. */
export const multiplyAdds = (s: Conv2dShape): number => (s.n * s.oh * s.ow * s.kh * s.kw * s.ci * s.co) / s.groups;

/** The uniform; `extra` is one kernel-specific number. */
const fields = [
  ...["n", "h", "w", "ci", "oh", "ow", "co", "ph", "pw", "groups"],
  ...["kh", "kw", "sh", "sw", "dh", "dw", "extra"],
] as const;

/** The values of the uniform. */
export function convParams(s: Conv2dShape, extra = 0): number[] {
  const [[sh, sw], [ph, pw], [dh, dw]] = [s.stride, s.padding, s.dilation];
  const values = { ...s, sh, sw, ph, pw, dh, dw, extra };
  return fields.map((name) => values[name]);
}

/** Declares the uniform. */
export const convUniform = (binding: number): string => params(fields, binding);

/** The same, with kernel size, stride and dilation as constants, which compilers exploit. */
export const convHead = (s: Conv2dShape, binding: number): string => `
${convUniform(binding)}
const KH = ${s.kh}u; const KW = ${s.kw}u;
const SH = ${s.stride[0]}; const SW = ${s.stride[1]};
const DH = ${s.dilation[0]}; const DW = ${s.dilation[1]};`;
