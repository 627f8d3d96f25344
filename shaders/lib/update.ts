/** The frame of an optimiser's step over a flat run of parameters: one thread per vector. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain } from "./thread.ts";

/** How the gradient of a step comes about. */
export interface GradientForm {
  /** Whether it is multiplied by a factor [1] that clips it. */
  clipped?: boolean;
  /** The share of the parameter that is added to it, the L2 penalty. */
  weightDecay?: number;
}

/**
 * A shader that updates p and `state` in place, given the gradient `gi`. Bindings: g, hyper, loss [1], factor [1] if it is clipped, p, then
 * the state; g, p and the state as vec4f. Nothing changes when the loss is not finite, so that a bad batch cannot spoil the
 * weights; the test is on the bits, since WGSL lets a compiler assume that NaN never occurs.
 */
export const updateMain = (
  threads: number,
  state: readonly string[],
  { clipped = false, weightDecay = 0 }: GradientForm,
  body: string,
): string => {
  const factor: [string, string][] = clipped ? [["factor", "f32"]] : [];
  const flat = ["p", ...state].map((name): [string, string] => [name, "vec4f"]);
  const gradient = `g[i]${clipped ? " * factor[0]" : ""}${weightDecay > 0 ? ` + f32(${weightDecay}) * p[i]` : ""}`;
  return wgsl`
${bindings(["g", "vec4f"], ["hyper", "f32"], ["loss", "u32"], ...factor, ...flat)}
${threadMain(
  { items: "arrayLength(&p)", threads },
  `  if ((loss[0] & 0x7f800000u) == 0x7f800000u) { return; }
  let gi = ${gradient};
${body}`,
)}`;
};
