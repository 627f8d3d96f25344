/** Workgroup counts. */

/**
 * A one-dimensional range of workgroups, folded over x and y when it is longer than one dimension allows. The shader
 * gets its index as `group.x + group.y * GRID_X` (`gridX` here) and must ignore indices beyond the range.
 */
export interface Grid {
  readonly gridX: number;
  readonly workgroups: readonly [number, number, number];
}

const MAX_PER_DIMENSION = 65535;

export function grid1d(groups: number): Grid {
  const y = Math.ceil(groups / MAX_PER_DIMENSION);
  const x = Math.ceil(groups / y);
  return { gridX: x, workgroups: [x, y, 1] };
}

/** Threads of one workgroup in kernels where each thread works alone. */
export const THREADS = 64;

/** The grid of kernels with one thread an item. */
export const threadGrid = (items: number): Grid => grid1d(Math.ceil(items / THREADS));

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);
