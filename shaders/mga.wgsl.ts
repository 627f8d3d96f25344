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
 * f, y, df and a in vectors of `lanes` channels. Forward: one thread a vector. Gradients: one thread a pixel.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { horizontalSum, vec, type Lanes } from "./lib/vec.ts";

export type Fusion = "parallel" | "serial" | "spatial" | "channel";

export interface MgaSize {
  pixels: number;
  /** Vectors a pixel. */
  quads: number;
  lanes: Lanes;
}

export const usesMap = (fusion: Fusion): boolean => fusion !== "channel";
export const usesChannels = (fusion: Fusion): boolean => fusion !== "spatial";

/** What f is multiplied by, from the values m and a. */
const factor = (fusion: Fusion): string =>
  ({ parallel: "(1.0 + m + a)", serial: "(1.0 + m * a)", spatial: "(1.0 + m)", channel: "(1.0 + a)" })[fusion];

const operands = (fusion: Fusion, type: string): [string, string][] => [
  ...(usesMap(fusion) ? [["map", "f32"] as [string, string]] : []),
  ...(usesChannels(fusion) ? [["attention", type] as [string, string]] : []),
];

const constants = (s: MgaSize): string => `const P = ${s.pixels}u; const QUADS = ${s.quads}u;`;

/** Bindings f, (map,) (attention,) y. */
export const mgaForward = (s: MgaSize, fusion: Fusion, grid: ThreadGrid): string => {
  const type = vec(s.lanes);
  return wgsl`
${bindings(["f", type], ...operands(fusion, type), ["y", type])}
${constants(s)}
${threadMain(
  grid,
  `  let pixel = i / QUADS;
${usesMap(fusion) ? "  let m = map[pixel];" : ""}
${usesChannels(fusion) ? "  let a = attention[pixel / P * QUADS + i % QUADS];" : ""}
  y[i] = f[i] * ${factor(fusion)};`,
)}`;
};

/** Bindings f, dy, (map,) (attention,) df, (dm). Without a map (channel fusion) there is no dm. */
export const mgaGrad = (s: MgaSize, fusion: Fusion, grid: ThreadGrid): string => {
  const type = vec(s.lanes);
  const map = usesMap(fusion);
  return wgsl`
${bindings(["f", type], ["dy", type], ...operands(fusion, type), ["df", type], ...(map ? [["dm", "f32"] as [string, string]] : []))}
${constants(s)}
${threadMain(
  grid,
  `${map ? "  let m = map[i];" : ""}
  var sum = ${type}();
  for (var q = 0u; q < QUADS; q++) {
${usesChannels(fusion) ? "    let a = attention[i / P * QUADS + q];" : ""}
    let g = dy[i * QUADS + q];
    df[i * QUADS + q] = g * ${factor(fusion)};
    sum += g * f[i * QUADS + q]${fusion === "serial" ? " * a" : ""};
  }
${map ? `  dm[i] = ${horizontalSum("sum", s.lanes)};` : ""}`,
)}`;
};

/** Bindings f, m, dp [N,C], df, dm: the gradients of p = mean f m. */
export const maskedMeanGrad = (s: MgaSize, grid: ThreadGrid): string => {
  const type = vec(s.lanes);
  return wgsl`
${bindings(["f", type], ["map", "f32"], ["dp", type], ["df", type], ["dm", "f32"])}
${constants(s)}
${threadMain(
  grid,
  `  let m = map[i];
  var sum = ${type}();
  for (var q = 0u; q < QUADS; q++) {
    let g = dp[i / P * QUADS + q] * f32(${1 / s.pixels});
    df[i * QUADS + q] = g * m;
    sum += g * f[i * QUADS + q];
  }
  dm[i] = ${horizontalSum("sum", s.lanes)};`,
)}`;
};

/** y[n,p,c] = s[n,c] FACTOR: the gradient of a mean over pixels. Bindings s [N,C], y [N,P,C]. One thread a vector. */
export const spreadPixels = (s: MgaSize, factorOf: number, grid: ThreadGrid): string => wgsl`
${bindings(["s", vec(s.lanes)], ["y", vec(s.lanes)])}
${constants(s)}
${threadMain(grid, `  y[i] = s[i / (P * QUADS) * QUADS + i % QUADS] * f32(${factorOf});`)}`;
