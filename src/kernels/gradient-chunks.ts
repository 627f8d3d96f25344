/** The chunks of gradients whose squares are summed one by one. */
import { alignUp } from "../gpu/gpu.ts";
import { ceilDiv } from "./grid.ts";

/** Floats of a chunk: as many as a workgroup of 64 threads sums in 16 rounds of vectors. */
export const CHUNK = 4096;

/** One tensor among others in a flat one, in floats; `offset` is a multiple of 64. */
export interface Stretch {
  readonly offset: number;
  readonly floats: number;
}

/** Partial sums come in multiples of this many, so that those of several kernels can be packed without gaps. */
const PARTIALS_MULTIPLE = 64;

/** The partial sums of squares that `gradientSquaresKernel` computes. */
export const partialsOf = (tensors: readonly Stretch[]): number =>
  alignUp(
    tensors.reduce((sum, { floats }) => sum + ceilDiv(floats, CHUNK), 0),
    PARTIALS_MULTIPLE,
  );
