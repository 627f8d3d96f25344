/** Initial weights. */
import type { Parameter } from "./module.ts";
import { randomStream } from "./random.ts";

/**
 * Convolutions: normal with variance 2 / (KH KW out) (He et al. 2015, fan-out, as torchvision's ResNet). Linear weights
 * and biases of layers with a weight: uniform within 1 / sqrt(in), as PyTorch's Linear. Batch norm and other vectors keep
 * what their layer gave them.
 */
export function initialValues(seed: number) {
  return (name: string, parameter: Parameter): Float32Array | undefined => {
    const { shape, layout, size } = parameter;
    const random = randomStream(seed, name);
    if (layout === "conv") {
      const deviation = Math.sqrt(2 / (shape[0]! * shape[1]! * shape[3]!));
      return Float32Array.from({ length: size }, () => deviation * random.normal());
    }
    if (layout === "linear") {
      const bound = 1 / Math.sqrt(shape[0]!);
      return Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1));
    }
    return undefined;
  };
}
