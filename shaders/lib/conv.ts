/** The sizes of a 2-d convolution, and what its shaders share. Names as in PyTorch's Conv2d. */
import { params } from "./params.ts";

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

/** What stays the same over many layers is baked in; the sizes of the tensors come as a uniform. */
const fields = ["n", "h", "w", "ci", "oh", "ow", "co", "ph", "pw", "groups", "extra"] as const;

/** The values of the uniform. `extra` is for one number of a kernel's own. */
export function convParams(s: Conv2dShape, extra = 0): number[] {
  const values = { ...s, ph: s.padding[0], pw: s.padding[1], extra };
  return fields.map((name) => values[name]);
}

/** Kernel size, stride and dilation as constants, sizes as variables of `main`, under the names that the shaders use. */
export const convHead = (s: Conv2dShape, binding: number): string => `
${params(fields, binding)}
const KH = ${s.kh}u; const KW = ${s.kw}u;
const SH = ${s.stride[0]}; const SW = ${s.stride[1]};
const DH = ${s.dilation[0]}; const DW = ${s.dilation[1]};`;

export const convSizes = `
  let N = p.n; let H = p.h; let W = p.w; let CI = p.ci; let OH = p.oh; let OW = p.ow; let CO = p.co;
  let PH = i32(p.ph); let PW = i32(p.pw);`;
