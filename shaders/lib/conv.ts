/** The sizes of a 2-d convolution, and what its shaders share. Names as in PyTorch's Conv2d. */

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

/** Shape constants under the names that the convolution shaders use. */
export const convConstants = (s: Conv2dShape): string => `
const N = ${s.n}u; const H = ${s.h}u; const W = ${s.w}u; const CI = ${s.ci}u;
const OH = ${s.oh}u; const OW = ${s.ow}u; const CO = ${s.co}u;
const KH = ${s.kh}u; const KW = ${s.kw}u; const GROUPS = ${s.groups}u;
const SH = ${s.stride[0]}; const SW = ${s.stride[1]};
const PH = ${s.padding[0]}; const PW = ${s.padding[1]};
const DH = ${s.dilation[0]}; const DW = ${s.dilation[1]};`;
