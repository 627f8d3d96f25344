/**
 * y = x rounded to half precision.
 *
 * Bindings x [COUNT] as vec4f, y [COUNT] as vec4<f16>; a uniform with COUNT in vectors. One thread per vector.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { enableHalf, narrowed, stored } from "./lib/half.ts";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";

export const narrow = (threads: number): string => wgsl`
${enableHalf(true)}
${bindings(["x", "vec4f"], ["y", stored(4, true)])}
${params(["count"], 2)}
${threadMain({ items: "p.count", threads }, `  y[i] = ${narrowed("x[i]", 4, true)};`)}`;
