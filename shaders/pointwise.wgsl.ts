/**
 * y[i] = f(a[i], b[i], ..., s) for any elementwise f; s is a scalar read from a buffer.
 *
 * Bindings: the inputs a, b, c, ... [COUNT], (s [1],) then y [COUNT]; all vec4f except s. Buffers are padded to whole
 * vectors, so the last thread may compute up to three elements that nobody reads.
 * One thread per vector; dispatch ceil(COUNT / 4 / threads) workgroups.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain } from "./lib/thread.ts";

export interface Pointwise {
  /** Threads of a workgroup. The number of elements is that of y's binding, so one pipeline serves all sizes. */
  threads: number;
  inputs: number;
  /** Whether the expression uses the scalar s. */
  scalar: boolean;
  /** WGSL over the vec4f values a, b, c, ... and the f32 value s. */
  expression: string;
  /** Functions that it calls, each on a line of its own. */
  functions?: string;
}

export const operandNames = ["a", "b", "c", "d", "e", "f", "g"] as const;

export const pointwise = ({ threads, inputs, scalar, expression, functions = "" }: Pointwise): string => {
  const names = operandNames.slice(0, inputs);
  const arrays = names.map((n): [string, string] => [`in_${n}`, "vec4f"]);
  if (scalar) arrays.push(["in_s", "f32"]);
  return wgsl`
${bindings(...arrays, ["y", "vec4f"])}${functions}
${threadMain(
  { items: "arrayLength(&y)", threads },
  `${names.map((n) => `  let ${n} = in_${n}[i];`).join("\n")}
  ${scalar ? "let s = in_s[0];" : ""}
  y[i] = ${expression};`,
)}`;
};
