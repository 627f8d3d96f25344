/** Workgroup counts. */

const MAX_WORKGROUPS_PER_DIMENSION = 65535;

/**
 * A one-dimensional range of workgroups, folded over x and y when it is longer than one dimension allows. The shader
 * computes its index from `num_workgroups` (shaders/lib/thread.ts) and ignores indices beyond the range.
 */
export function grid1d(groups: number): readonly [number, number, number] {
  const y = Math.ceil(groups / MAX_WORKGROUPS_PER_DIMENSION);
  return [Math.ceil(groups / y), y, 1];
}

/** Threads of one workgroup in kernels where each thread works alone. */
export const THREADS = 64;

/** The grid of kernels with one thread per item. */
export const threadGrid = (items: number): readonly [number, number, number] => grid1d(Math.ceil(items / THREADS));

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** The greatest common divisor of two whole numbers. */
export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
