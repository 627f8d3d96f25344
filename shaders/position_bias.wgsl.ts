/**
 * The bias of attention within windows of w x w pixels, by relative position, from a table [(2 w - 1)², H], and the table's gradient, which
 * gathers:
 *
 *   bias[h,i,j] = table[(yi - yj + w - 1) (2 w - 1) + xi - xj + w - 1, h]
 *
 * One thread per element of the result.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";

/** Uniform: heads, and pixels of a window's side. */
export const positionBiasFields = ["heads", "window"] as const;

/** Bindings table, bias [H,w²,w²]. */
export const positionBias = (threads: number): string => wgsl`
${bindings(["table", "f32"], ["bias", "f32"])}
${params(positionBiasFields, 2)}
${threadMain(
  { items: "arrayLength(&bias)", threads },
  `  let w = p.window;
  let j = i % (w * w);
  let q = (i / (w * w)) % (w * w);
  let h = i / (w * w) / (w * w);
  let row = (q / w + w - 1u - j / w) * (2u * w - 1u) + q % w + w - 1u - j % w;
  bias[i] = table[row * p.heads + h];`,
)}`;

/** Bindings dbias, dtable. */
export const positionBiasGrad = (threads: number): string => wgsl`
${bindings(["dbias", "f32"], ["dtable", "f32"])}
${params(positionBiasFields, 2)}
${threadMain(
  { items: "arrayLength(&dtable)", threads },
  `  let w = i32(p.window);
  let h = i32(i % p.heads);
  let row = i32(i / p.heads);
  let dy = row / (2 * w - 1) - w + 1;
  let dx = row % (2 * w - 1) - w + 1;
  var sum = 0.0;
  for (var y = max(0, -dy); y < min(w, w - dy); y++) {
    for (var x = max(0, -dx); x < min(w, w - dx); x++) {
      sum += dbias[(h * w * w + (y + dy) * w + x + dx) * w * w + y * w + x];
    }
  }
  dtable[i] = sum;`,
)}`;
