/** The norm of all gradients together, by which they are clipped. */
import { partialsOf, type Stretch } from "./gradient-chunks.ts";
import { f32, type Kernel, type LoweringContext } from "./kernel.ts";
import { requireLoaded } from "./loaded.ts";
import { single } from "./per-thread.ts";

export { partialsOf, type Stretch };

/** part [partials] = sums of squares of the chunks of tensors in x [total]; what lies between them does not count. */
export function gradientSquaresKernel(total: number, tensors: readonly Stretch[]): Kernel {
  const partials = partialsOf(tensors);
  const lower = (context: LoweringContext) => ({
    variant: "plain",
    scratch: [],
    dispatches: requireLoaded("seldom", context).squaresDispatches(tensors, partials, context.caps.maxBindingBytes),
  });
  const kernel: Kernel = {
    name: "gradientSquares",
    inputs: [f32(total)],
    outputs: [f32(partials)],
    updates: [],
    flops: 0,
    needs: () => ["seldom"],
    lower: (context) => [lower(context)],
    parts: {
      units: total / 64,
      of: (units) => ({ ...kernel, inputs: [f32(64 * units)] }),
      lower,
    },
  };
  return kernel;
}

/** norm [1] and factor [1] = min(1, clip / (norm + 1e-6)), as PyTorch clips, from all partial sums. */
export const gradientNormKernel = (partials: number, clip: number): Kernel => ({
  name: "gradientNorm",
  inputs: [f32(partials)],
  outputs: [f32(1), f32(1)],
  updates: [],
  flops: 0,
  needs: () => ["seldom"],
  lower: (context) => [single("plain", requireLoaded("seldom", context).normDispatch(partials, clip))],
});
