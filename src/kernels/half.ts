/** Weights of convolutions in half precision, for inference plans (`CompileOptions.half`). */
import { narrow } from "../../shaders/narrow.wgsl.ts";
import { input, rebound, scratch, type Lowering } from "./kernel.ts";
import { threadDispatch } from "./per-thread.ts";

/**
 * The lowering of a convolution whose shader reads the weight, input 1 of `count` elements (a multiple of 4), in half precision:
 * a dispatch before it narrows the weight into scratch memory, which a frozen plan does once.
 */
export function narrowing(lowering: Lowering, count: number): Lowering {
  const weight = scratch(lowering.scratch.length);
  const before = {
    ...threadDispatch("conv2d.narrow", count / 4, [input(1), weight], ({ threads }) => narrow(threads), [count / 4]),
    dependsOn: [1],
  };
  const dispatches = rebound(lowering.dispatches, (ref) => (ref.role === "input" && ref.index === 1 ? weight : ref));
  return { ...lowering, scratch: [...lowering.scratch, 2 * count], dispatches: [before, ...dispatches] };
}
