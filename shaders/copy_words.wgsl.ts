/**
 * y[AT + i] = x[FIRST + i] for i < WORDS: copies 4-byte words between offsets at which no binding may begin.
 *
 * Bindings x, y; a uniform with WORDS, FIRST and AT. One thread per word.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";

export const copyWords = (threads: number): string => wgsl`
${bindings(["x", "u32"], ["y", "u32"])}
${params(["words", "first", "at"], 2)}
${threadMain({ items: "p.words", threads }, "  y[p.at + i] = x[p.first + i];")}`;
