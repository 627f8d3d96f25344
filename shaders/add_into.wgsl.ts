/**
 * y[i] += x[i]. Bindings x, y as vec4f; both are padded to whole vectors. One thread per vector.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain } from "./lib/thread.ts";

export const addInto = (threads: number): string => wgsl`
${bindings(["x", "vec4f"], ["y", "vec4f"])}
${threadMain({ items: "arrayLength(&y)", threads }, "  y[i] += x[i];")}`;
