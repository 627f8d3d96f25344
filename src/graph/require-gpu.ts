/** The device comes first in every call that takes one. */
import { Gpu } from "../gpu/gpu.ts";
import { aKind } from "../kernels/kernel.ts";

/** @throws TypeError for what is no device, such as the promise of one, or the network */
export function requireGpu(op: string, gpu: unknown): asserts gpu is Gpu {
  if (!(gpu instanceof Gpu)) throw new TypeError(`${op}: expected a Gpu first (await openGpu()), got ${aKind(gpu)}`);
}
