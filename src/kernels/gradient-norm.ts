/** The norm of all gradients together, by which they are clipped. */
import { CHUNK, gradientNorm, gradientSquares } from "../../shaders/gradient_norm.wgsl.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import { alignUp } from "../gpu/gpu.ts";
import { ceilDiv, grid1d, THREADS } from "./grid.ts";
import { f32, input, output, type Dispatch, type Kernel, type LoweringContext } from "./kernel.ts";
import { single } from "./per-thread.ts";

/** One tensor among others in a flat one, in floats; `offset` is a multiple of 64. */
export interface Stretch {
  readonly offset: number;
  readonly floats: number;
}

/** Partial sums come in multiples of this many, so that those of several kernels can be packed without gaps. */
const PARTIALS_MULTIPLE = 64;

/** Tensors of one dispatch: the table lies in a uniform, of which WebGPU guarantees 64 KiB. */
const MAX_TENSORS = 1024;

/** The fewest tensors a shader is made for; larger tables are powers of two, so that few shaders serve all. */
const LEAST_TABLE = 16;

const NORM_THREADS = 256;

/** The partial sums of squares that `gradientSquaresKernel` computes. */
export const partialsOf = (tensors: readonly Stretch[]): number =>
  alignUp(
    tensors.reduce((sum, { floats }) => sum + ceilDiv(floats, CHUNK), 0),
    PARTIALS_MULTIPLE,
  );

/** part [partials] = sums of squares of the chunks of tensors in x [total]; what lies between them does not count. */
export function gradientSquaresKernel(total: number, tensors: readonly Stretch[]): Kernel {
  const partials = partialsOf(tensors);
  const lower = ({ caps }: LoweringContext) => ({
    variant: "plain",
    scratch: [],
    dispatches: dispatchesOf(tensors, partials, caps.maxBindingBytes),
  });
  const kernel: Kernel = {
    name: "gradientSquares",
    inputs: [f32(total)],
    outputs: [f32(partials)],
    updates: [],
    flops: 0,
    lower: (context) => [lower(context)],
    parts: {
      units: total / 64,
      of: (units) => ({ ...kernel, inputs: [f32(64 * units)] }),
      lower,
    },
  };
  return kernel;
}

/** A piece of a tensor with its first chunk, which it begins with. */
interface Piece extends Stretch {
  readonly chunk: number;
}

/** As few dispatches as the limit of a binding and of the table allow. */
function dispatchesOf(tensors: readonly Stretch[], partials: number, maxBindingBytes: number): Dispatch[] {
  const limit = Math.max(1, Math.floor(maxBindingBytes / (4 * CHUNK))) * CHUNK;
  const pieces: Piece[] = [];
  let chunk = 0;
  for (const { offset, floats } of tensors) {
    for (let at = 0; at < floats; at += limit) {
      pieces.push({ chunk: chunk + at / CHUNK, offset: offset + at, floats: Math.min(limit, floats - at) });
    }
    chunk += ceilDiv(floats, CHUNK);
  }
  const dispatches: Dispatch[] = [];
  for (let first = 0; first < pieces.length;) {
    const from = pieces[first]!;
    let end = first + 1;
    while (end < pieces.length && end - first < MAX_TENSORS && endOf(pieces[end]!) - from.offset <= limit) end++;
    const until = pieces[end]?.chunk ?? partials;
    dispatches.push(squaresDispatch(pieces.slice(first, end), until));
    first = end;
  }
  return dispatches;
}

/** Where a piece ends in the flat tensor, its gap included. */
const endOf = ({ offset, floats }: Stretch): number => offset + alignUp(floats, 64);

/** The sums of these pieces, and zeros up to the partial sum `until`. */
function squaresDispatch(pieces: readonly Piece[], until: number): Dispatch {
  const from = pieces[0]!;
  const rows = pieces.flatMap(({ chunk, offset, floats }) => [
    chunk - from.chunk,
    (offset - from.offset) / 4,
    floats,
    0,
  ]);
  const table = Math.max(LEAST_TABLE, 2 ** Math.ceil(Math.log2(pieces.length)));
  const count = until - from.chunk;
  const range = { offset: 4 * from.offset, bytes: 4 * (endOf(pieces.at(-1)!) - from.offset) };
  return {
    label: "gradientSquares",
    code: gradientSquares(THREADS, table),
    bindings: [{ ...input(0), range }, output(0)],
    params: [count, from.chunk, pieces.length, 0, ...rows, ...new Array<number>(4 * (table - pieces.length)).fill(0)],
    workgroups: grid1d(count),
  };
}

/** norm [1] and factor [1] = min(1, clip / (norm + 1e-6)), as PyTorch clips, from all partial sums. */
export function gradientNormKernel(partials: number, clip: number): Kernel {
  const dispatch: Dispatch = {
    label: "gradientNorm",
    code: gradientNorm(NORM_THREADS),
    bindings: [input(0), output(0), output(1)],
    params: [partials, floatBits(clip)],
    workgroups: [1, 1, 1],
  };
  return {
    name: "gradientNorm",
    inputs: [f32(partials)],
    outputs: [f32(1), f32(1)],
    updates: [],
    flops: 0,
    lower: () => [single("plain", dispatch)],
  };
}
