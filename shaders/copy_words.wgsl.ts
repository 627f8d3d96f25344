/**
 * y[AT + YSTRIDE r + i] = x[FIRST + XSTRIDE r + i] for i < RUN, r < WORDS / RUN: copies runs of 4-byte words between offsets at which no binding
 * may begin, or brings together what lies apart.
 *
 * Bindings x, y; a uniform with the sizes. One thread per word.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";

export const copyFields = ["words", "run", "first", "xStride", "at", "yStride"] as const;

export const copyWords = (threads: number): string => wgsl`
${bindings(["x", "u32"], ["y", "u32"])}
${params(copyFields, 2)}
${threadMain(
  { items: "p.words", threads },
  `  let r = i / p.run;
  let k = i % p.run;
  y[p.at + p.yStride * r + k] = x[p.first + p.xStride * r + k];`,
)}`;
