/**
 * Mask-Guided Attention: features f [N,P,C] enhanced by a map m [N,P] and channel weights a [N,C] (mga_gate.wgsl.ts).
 *
 *   parallel   y = f (1 + m + a)          spatial   y = f (1 + m)
 *   serial     y = f (1 + m a)            channel   y = f (1 + a)
 *
 * a depends on p[n,c] = mean_p f m, so that with g = dp / P, which is 0 in spatial fusion,
 *
 *   df = dy (dy/df) + m g,   dm[n,p] = sum_c f (dy (parallel, spatial: 1, serial: a, channel: 0) + g)
 *
 * f, y, df, a and g in vectors of `lanes` channels. Sizes come as a uniform. Forward: one thread per vector of channels and
 * run of pixels (lib/pixels.ts). Gradients: one thread per pixel.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { pixelsFields, pixelsMain } from "./lib/pixels.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { horizontalSum, vec, type Lanes } from "./lib/vec.ts";

/**
 * How mask-guided attention enhances features f by a map m and channel weights a: "parallel" f (1 + m + a), "serial" f (1 + m a), "spatial"
 * f (1 + m), "channel" f (1 + a).
 */
export type Fusion = "parallel" | "serial" | "spatial" | "channel";

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
${params(pixelsFields, arrays.length)}`;

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

/** What f is multiplied by in dm, from the values d of dy, a and g. */
const mapGradient = (fusion: Fusion): string =>
  ({ parallel: "(d + g)", serial: "(d * a + g)", spatial: "d", channel: "g" })[fusion];

/** Bindings f, dy, map, (attention, g,) df, dm. */
export const mgaGrad = (threads: number, lanes: Lanes, fusion: Fusion): string => {
  const type = vec(lanes);
  const gate: [string, string][] = usesChannels(fusion)
    ? [
        ["attention", type],
        ["meanGrad", type],
      ]
    : [];
  return wgsl`
${declare([["f", type], ["dy", type], ["map", "f32"], ...gate, ["df", type], ["dm", "f32"]])}
${threadMain(
  { items: "p.samples * p.pixels", threads },
  `  let P = p.pixels; let QUADS = p.quads;
  let m = map[i];
  var sum = ${type}();
  for (var q = 0u; q < QUADS; q++) {
    let d = dy[i * QUADS + q];
${gate.length > 0 ? "    let a = attention[i / P * QUADS + q]; let g = meanGrad[i / P * QUADS + q];" : ""}
    df[i * QUADS + q] = d * ${factor(fusion)}${gate.length > 0 ? " + m * g" : ""};
    sum += f[i * QUADS + q] * ${mapGradient(fusion)};
  }
  dm[i] = ${horizontalSum("sum", lanes)};`,
)}`;
};
