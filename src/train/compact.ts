/** Checkpoints for prediction alone, in half the space or less. */
import { narrowed, widened } from "../data/half-floats.ts";
import { parseSafetensors, serializeSafetensors, type SafeTensor } from "../data/safetensors.ts";

/**
 * A checkpoint's weights, rounded to half precision, without the optimiser's state: a run cannot be resumed from it.
 * @param bytes a file that `parseCheckpoint` reads
 * @throws SafetensorsError; RangeError for a weight beyond half precision
 */
export function compactCheckpoint(bytes: Uint8Array, file: string): Uint8Array<ArrayBuffer> {
  const { metadata, tensors } = parseSafetensors(bytes, file);
  const weights = [...tensors].filter(([name]) => name.startsWith("model."));
  const halved = weights.map(([name, tensor]): [string, SafeTensor] => {
    const { shape, dtype, data } = tensor;
    if (dtype !== "F32") return [name, tensor];
    const halves = narrowed(data);
    if (!widened(halves).every(Number.isFinite)) {
      throw new RangeError(`${file}: ${name} has values that half precision cannot hold`);
    }
    return [name, { dtype: "F16", shape, data: halves }];
  });
  return serializeSafetensors(halved, metadata);
}
