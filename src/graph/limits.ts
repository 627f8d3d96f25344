/** Rejects tensors that exceed an adapter's limits. */
import { formatBytes, type Gpu } from "../gpu/gpu.ts";
import { showShape } from "../kernels/kernel.ts";
import { BindingError, cutOf } from "../kernels/parts.ts";
import { PlanError } from "./plan-error.ts";
import type { Node, Tensor } from "./tensor.ts";

/** @throws PlanError for the largest tensor that fits neither a binding, however the work is cut, nor a buffer */
export function requireWithinLimits(gpu: Gpu, nodes: readonly Node[]): void {
  const { maxBindingBytes, maxBufferBytes } = gpu.caps;
  let worst: { node: Node; error: BindingError } | undefined;
  for (const node of nodes) {
    for (const tensor of [...node.inputs, ...node.outputs]) {
      if (tensor.bytes <= maxBufferBytes) continue;
      throw refusal(node, tensor, tensor.bytes, `one buffer, and this adapter allows ${formatBytes(maxBufferBytes)}`);
    }
    try {
      cutOf(node.kernel, gpu.caps);
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
      if (!worst || error.bytes > worst.error.bytes) worst = { node, error };
    }
  }
  if (!worst) return;
  const { node, error } = worst;
  const tensor = [...node.inputs, ...node.outputs, ...node.updates].reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const limit = `one binding, and this adapter allows ${formatBytes(maxBindingBytes)}`;
  throw refusal(node, tensor, error.bytes, limit);
}

function refusal({ layer, kernel }: Node, tensor: Tensor, bytes: number, limit: string): PlanError {
  return new PlanError(
    `${layer || kernel.name}: a tensor ${showShape(tensor.shape)} needs ${formatBytes(bytes)} in ${limit}; ` +
      "use a smaller batch, input or width",
    { code: "limit" },
  );
}
