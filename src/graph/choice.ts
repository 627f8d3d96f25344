/** Which of a kernel's variants runs. */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel, Lowering } from "../kernels/kernel.ts";

/** Chooses one of a kernel's variants; undefined leaves it to the fixed order, in which the first is taken. */
export type Choice = (kernel: Kernel, variants: readonly Lowering[]) => Lowering | undefined;

const choices = new WeakMap<Gpu, Choice>();

/** Sets the choice for everything compiled for `gpu` from now on; undefined restores the fixed order. */
export function setChoice(gpu: Gpu, choice: Choice | undefined): void {
  if (choice) choices.set(gpu, choice);
  else choices.delete(gpu);
}

export const choiceOf = (gpu: Gpu): Choice | undefined => choices.get(gpu);
