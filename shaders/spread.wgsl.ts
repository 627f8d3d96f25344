/** y[n,p,c] = s[n,c] FACTOR: the gradient of a mean over pixels. Bindings s [N,C], y [N,P,C], in vectors of `lanes` channels. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { pixelsFields, pixelsMain } from "./lib/pixels.ts";
import { bindings } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

export const spreadPixels = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["s", vec(lanes)], ["y", vec(lanes)])}
${params(pixelsFields, 2)}
${pixelsMain(threads, "  let value = s[n * QUADS + q] * bitcast<f32>(p.factor);", "    y[at] = value;")}`;
