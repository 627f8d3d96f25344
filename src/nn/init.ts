/** Initial weights. */
import type { Parameter } from "./module.ts";
import { requireWhole } from "../kernels/kernel.ts";
import { randomStream } from "./random.ts";

/**
 * Convolutions: normal with variance 2 / (KH KW out) (He et al. 2015, fan-out, as in torchvision's ResNet). Linear weights:
 * uniform within 1 / sqrt(in), as in PyTorch's Linear; so is the bias of `Conv2d` with `bias: true`, also as in PyTorch. Other
 * vectors keep what their layer gave them: Linear's bias starts at 0.
 * @throws ShapeError unless `seed` is a whole number of at least 0
 */
export function initialValues(seed: number) {
  requireWhole("initialValues", "seed", seed, 0);
  return (name: string, parameter: Parameter): Float32Array | undefined => {
    const { shape, layout, size } = parameter;
    const random = randomStream(seed, name);
    if (layout === "conv") {
      const deviation = Math.sqrt(2 / (shape[0]! * shape[1]! * shape[3]!));
      return Float32Array.from({ length: size }, () => deviation * random.normal());
    }
    if (layout === "linear" || layout === "flattened") {
      const bound = 1 / Math.sqrt(size / shape.at(-1)!);
      return Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1));
    }
    const { uniform } = parameter;
    if (uniform === undefined) return undefined;
    return Float32Array.from({ length: size }, () => uniform * (2 * random.uniform() - 1));
  };
}
