/**
 * Mask-Guided Attention: features f [N,P,C] enhanced by a map m [N,P] and channel weights a [N,C].
 *
 *   parallel   y = f (1 + m + a)          spatial   y = f (1 + m)
 *   serial     y = f (1 + m a)            channel   y = f (1 + a)
 *
 *   df = dy (dy/df),   dm[n,p] = sum_c dy f (1, serial: a),   da[n,c] = sum_p dy f (1, serial: m)   (da: spatial_sum)
 *
 * and of the descriptor p[n,c] = mean_p f m, from which a is computed:  df = m dp / P,  dm = sum_c f dp / P.
 *
 * f, y, df and a in vectors of `lanes` channels. Sizes come as a uniform. Forward: one thread a vector of channels and
 * PIXELS_A_THREAD pixels. Gradients: one thread a pixel.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { horizontalSum, vec, type Lanes } from "./lib/vec.ts";

export type Fusion = "parallel" | "serial" | "spatial" | "channel";

/** Uniform: pixels P a sample; vectors a pixel; samples; a factor as bits. */
export const mgaFields = ["pixels", "quads", "samples", "factor"] as const;

export const PIXELS_A_THREAD = 8;

export const usesMap = (fusion: Fusion): boolean => fusion !== "channel";
export const usesChannels = (fusion: Fusion): boolean => fusion !== "spatial";

/** What f is multiplied by, from the values m and a. */
const factor = (fusion: Fusion): string =>
  ({ parallel: "(1.0 + m + a)", serial: "(1.0 + m * a)", spatial: "(1.0 + m)", channel: "(1.0 + a)" })[fusion];

const operands = (fusion: Fusion, type: string): [string, string][] => [
  ...(usesMap(fusion) ? [["map", "f32"] as [string, string]] : []),
  ...(usesChannels(fusion) ? [["attention", type] as [string, string]] : []),
];

const declare = (arrays: readonly [string, string][]): string => `
${bindings(...arrays)}
${params(mgaFields, arrays.length)}`;

const sizes = "  let P = p.pixels; let QUADS = p.quads;";

/** `main` with one vector of channels `q` of sample `n` a thread; `each` once a pixel, with the vector's index in `at`. */
const pixelsMain = (threads: number, setup: string, each: string): string =>
  threadMain(
    { items: `p.samples * p.quads * ((p.pixels + ${PIXELS_A_THREAD - 1}u) / ${PIXELS_A_THREAD}u)`, threads },
    `${sizes}
  let BLOCKS = (P + ${PIXELS_A_THREAD - 1}u) / ${PIXELS_A_THREAD}u;
  let q = i % QUADS;
  let n = i / QUADS / BLOCKS;
  let begin = i / QUADS % BLOCKS * ${PIXELS_A_THREAD}u;
  let end = min(begin + ${PIXELS_A_THREAD}u, P);
${setup}
  for (var k = begin; k < end; k++) {
    let pixel = n * P + k;
    let at = pixel * QUADS + q;
${each}
  }`,
  );

/** Bindings f, (map,) (attention,) y. */
export const mgaForward = (threads: number, lanes: Lanes, fusion: Fusion): string => {
  const type = vec(lanes);
  return wgsl`
${declare([["f", type], ...operands(fusion, type), ["y", type]])}
${pixelsMain(
  threads,
  usesChannels(fusion) ? "  let a = attention[n * QUADS + q];" : "",
  `${usesMap(fusion) ? "    let m = map[pixel];" : ""}
    y[at] = f[at] * ${factor(fusion)};`,
)}`;
};

/** Bindings f, dy, (map,) (attention,) df, (dm). Without a map (channel fusion) there is no dm. */
export const mgaGrad = (threads: number, lanes: Lanes, fusion: Fusion): string => {
  const type = vec(lanes);
  const map = usesMap(fusion);
  return wgsl`
${declare([
  ["f", type],
  ["dy", type],
  ...operands(fusion, type),
  ["df", type],
  ...(map ? [["dm", "f32"] as [string, string]] : []),
])}
${threadMain(
  { items: "p.samples * p.pixels", threads },
  `${sizes}
${map ? "  let m = map[i];" : ""}
  var sum = ${type}();
  for (var q = 0u; q < QUADS; q++) {
${usesChannels(fusion) ? "    let a = attention[i / P * QUADS + q];" : ""}
    let g = dy[i * QUADS + q];
    df[i * QUADS + q] = g * ${factor(fusion)};
    sum += g * f[i * QUADS + q]${fusion === "serial" ? " * a" : ""};
  }
${map ? `  dm[i] = ${horizontalSum("sum", lanes)};` : ""}`,
)}`;
};

/** Bindings f, m, dp [N,C], df, dm: the gradients of p = mean f m. */
export const maskedMeanGrad = (threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${declare([
  ["f", type],
  ["map", "f32"],
  ["dp", type],
  ["df", type],
  ["dm", "f32"],
])}
${threadMain(
  { items: "p.samples * p.pixels", threads },
  `${sizes}
  let m = map[i];
  var sum = ${type}();
  for (var q = 0u; q < QUADS; q++) {
    let g = dp[i / P * QUADS + q] / f32(P);
    df[i * QUADS + q] = g * m;
    sum += g * f[i * QUADS + q];
  }
  dm[i] = ${horizontalSum("sum", lanes)};`,
)}`;
};

/** y[n,p,c] = s[n,c] FACTOR: the gradient of a mean over pixels. Bindings s [N,C], y [N,P,C]. */
export const spreadPixels = (threads: number, lanes: Lanes): string => wgsl`
${declare([
  ["s", vec(lanes)],
  ["y", vec(lanes)],
])}
${pixelsMain(threads, "  let value = s[n * QUADS + q] * bitcast<f32>(p.factor);", "    y[at] = value;")}`;
