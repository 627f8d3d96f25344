/** A convolution's sizes as variables of `main`, read from the uniform (conv.ts), for the variants that few plans need. */

/** Images, channels and padding. */
export const convSizes = `
  let N = p.n; let H = p.h; let W = p.w; let CI = p.ci; let OH = p.oh; let OW = p.ow; let CO = p.co;
  let PH = i32(p.ph); let PW = i32(p.pw);`;

/** Kernel size, stride and dilation: one shader for all values. A stride of 1 may be baked in, to avoid dividing by it. */
export const convKernel = (stride1: boolean): string => `
  let KH = p.kh; let KW = p.kw; let DH = i32(p.dh); let DW = i32(p.dw);
  let SH = ${stride1 ? "1" : "i32(p.sh)"}; let SW = ${stride1 ? "1" : "i32(p.sw)"};`;
