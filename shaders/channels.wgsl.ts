/**
 * Concatenation along the channels, and the slice that undoes it.
 *
 *   y[p, 0..C0) = a[p], y[p, C0..C0+C1) = b[p], ...        slice: y[p, c] = x[p, OFFSET + c]
 *
 * Rows p are the N H W pixels. In vectors of `lanes` channels. One thread a vector of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** `quads`: vectors a pixel of each input. */
export const concatChannels = (grid: ThreadGrid, lanes: Lanes, quads: readonly number[]): string => {
  const total = quads.reduce((a, b) => a + b, 0);
  let begin = 0;
  const branches = quads.map((n, k) => {
    const line = `if (q < ${begin + n}u) { y[i] = in${k}[p * ${n}u + q - ${begin}u]; }`;
    begin += n;
    return line;
  });
  return wgsl`
${bindings(...quads.map((_, k): [string, string] => [`in${k}`, vec(lanes)]), ["y", vec(lanes)])}
${threadMain(
  grid,
  `  let q = i % ${total}u;
  let p = i / ${total}u;
  ${branches.join("\n  else ")}`,
)}`;
};

/** `from`, `take`, `offset`: vectors a pixel of x, of y, and before the slice. */
export const sliceChannels = (
  grid: ThreadGrid,
  lanes: Lanes,
  { from, take, offset }: { from: number; take: number; offset: number },
): string => wgsl`
${bindings(["x", vec(lanes)], ["y", vec(lanes)])}
${threadMain(grid, `  y[i] = x[(i / ${take}u) * ${from}u + ${offset}u + i % ${take}u];`)}`;
