/** The numbers of weights, whatever their type in a file. */
import { widened } from "../data/half-floats.ts";
import type { SafeTensor } from "../data/safetensors.ts";

/** A tensor of a file as 32-bit floats, exact but for 64-bit ones; undefined for what is no weight. */
export function floats({ dtype, data }: SafeTensor): Float32Array | undefined {
  switch (dtype) {
    case "F32":
      return data;
    case "F64":
      return Float32Array.from(data);
    case "F16":
      return widened(data);
    case "BF16":
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(data, (word) => word << 16).buffer);
    default:
      return undefined;
  }
}
