/** What a measurement of a kernel's variants is valid for: the operation with its shapes, and the variants' code. */
import type { Capabilities } from "../gpu/capabilities.ts";
import { everyVariant } from "../kernels/every.ts";
import { showShape, type Kernel, type Lowering } from "../kernels/kernel.ts";

/** The kernel over `units` images; itself if it does not work on images. */
export function overUnits(kernel: Kernel, units: number): Kernel {
  const { parts } = kernel;
  // Parts with their own lowering are not kernels in themselves.
  return parts && !parts.lower && parts.units !== units ? parts.of(units) : kernel;
}

export const unitsOf = ({ parts }: Kernel): number => (parts && !parts.lower ? parts.units : 1);

/** "[8, 24, 24, 64] [3, 3, 64, 64] to [8, 24, 24, 64]": all operands. */
export function shapesOf({ inputs, outputs, updates }: Kernel): string {
  const show = (specs: Kernel["inputs"]) => specs.map(({ shape }) => showShape(shape)).join(" ");
  return [show([...inputs, ...updates]), show(outputs)].filter(Boolean).join(" to ");
}

/** Shared by kernels that, by their shapes, differ only in the number of images. */
export function labelOf(kernel: Kernel): string {
  const one = overUnits(kernel, 1);
  return `${one.name} ${shapesOf(one)}`;
}

/**
 * A hash of the code of all variants on an adapter, over one image: it changes with everything that affects the
 * measurement except the number of images.
 */
export const codeOf = (kernel: Kernel, caps: Capabilities): string =>
  hash(JSON.stringify(everyVariant(overUnits(kernel, 1), caps)));

/** A name for each variant: its own, numbered where several share one. */
export function variantNames(variants: readonly Lowering[]): string[] {
  const seen = new Map<string, number>();
  return variants.map(({ variant }) => {
    const count = (seen.get(variant) ?? 0) + 1;
    seen.set(variant, count);
    return count === 1 ? variant : `${variant}#${count}`;
  });
}

/** A 64-bit hash of a text, as 16 hexadecimal digits. Not for secrets: two FNV-1a hashes with different primes. */
export function hash(text: string): string {
  let [a, b] = [0x811c9dc5, 0xcbf29ce4];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 15);
  }
  return [a, b].map((n) => (n >>> 0).toString(16).padStart(8, "0")).join("");
}
