/** A network's state dict as PyTorch loads it: safetensors with PyTorch's names and layouts, and nothing else. */
import { serializeSafetensors, type SafeTensor } from "../data/safetensors.ts";
import type { StateDict } from "../nn/module.ts";
import { halvesOf, type Precision } from "./half.ts";
import { PROGRAM, VERSION } from "./version.ts";

/** @throws ExportError in f16 for a weight beyond its range */
export function toPytorch(
  state: StateDict,
  precision: Precision,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { shape, data }] of state) {
    const own = { shape: [...shape] };
    if (precision === "f16") tensors.set(name, { ...own, dtype: "F16", data: halvesOf(name, data) });
    else tensors.set(name, { ...own, dtype: "F32", data });
  }
  // "format": "pt" is what PyTorch's own programs write and some ask for.
  return serializeSafetensors(tensors, { format: "pt", producer: `${PROGRAM} ${VERSION}`, ...metadata });
}
