/** What a network's outputs are called among those of a plan. */
import type { HostArray } from "../kernels/kernel.ts";

/** Among the names of outputs: there is this one only, and the network gives it by itself. */
export const ONLY = "";

/** The values of such tensors as the forward pass gave them: of the one, or by name. */
export const predictedOf = (values: Readonly<Record<string, HostArray>>): unknown =>
  Object.hasOwn(values, ONLY) ? values[ONLY] : values;
