/** Which of a kernel's variants runs. */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel, Lowering } from "../kernels/kernel.ts";

/** Chooses one of a kernel's variants; undefined leaves it to the fixed order, in which the first is taken. */
export type Choice = (kernel: Kernel, variants: readonly Lowering[]) => Lowering | undefined;

const choices = new WeakMap<Gpu, Choice>();

/** Lets `choice` decide in everything that is compiled for `gpu` from now on; undefined goes back to the fixed order. */
export function setChoice(gpu: Gpu, choice: Choice | undefined): void {
  if (choice) choices.set(gpu, choice);
  else choices.delete(gpu);
}

export const choiceOf = (gpu: Gpu): Choice | undefined => choices.get(gpu);
