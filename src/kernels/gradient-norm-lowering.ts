/** The dispatches that clip gradients (gradient-norm.ts), which are loaded by who clips. */
import { gradientNorm, gradientSquares } from "../../shaders/gradient_norm.wgsl.ts";
import { floatBits } from "../../shaders/lib/params.ts";
import { alignUp } from "../gpu/gpu.ts";
import { CHUNK, type Stretch } from "./gradient-chunks.ts";
import { ceilDiv, grid1d, THREADS } from "./grid.ts";
import { input, output, type Dispatch } from "./kernel.ts";

/** Tensors of one dispatch: the table lies in a uniform, of which WebGPU guarantees 64 KiB. */
const MAX_TENSORS = 1024;

/** The fewest tensors a shader is made for; larger tables are powers of two, so that few shaders serve all. */
const LEAST_TABLE = 16;

const NORM_THREADS = 256;

/** A piece of a tensor with its first chunk, which it begins with. */
interface Piece extends Stretch {
  readonly chunk: number;
}

/** As few dispatches as the limit of a binding and of the table allow. */
export function squaresDispatches(tensors: readonly Stretch[], partials: number, maxBindingBytes: number): Dispatch[] {
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
    code: gradientSquares(THREADS, table, CHUNK),
    bindings: [{ ...input(0), range }, output(0)],
    params: [count, from.chunk, pieces.length, 0, ...rows, ...new Array<number>(4 * (table - pieces.length)).fill(0)],
    workgroups: grid1d(count),
  };
}

export const normDispatch = (partials: number, clip: number): Dispatch => ({
  label: "gradientNorm",
  code: gradientNorm(NORM_THREADS),
  bindings: [input(0), output(0), output(1)],
  params: [partials, floatBits(clip)],
  workgroups: [1, 1, 1],
});
