/**
 * Elementwise functions of inputs that are read with a stride along each axis, 0 along those over which they are broadcast.
 *
 *   strided   y[i] = f(a[at(i)], b[at(i)], ...)
 *   reduce    y[run,o] = FACTOR * the sum (or the maximum) over the elements r of the run of f(a[at(o,r)], b[at(o,r)], ...)
 *
 * Bindings: the inputs, then y. A uniform with the sizes and strides of the axes; of those that are reduced apart from the others. Values are
 * vectors of `lanes` neighbours along the last axis that is not reduced; an input that is broadcast along it is read one by one. One thread
 * per vector of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { operandNames } from "./pointwise.wgsl.ts";
import { sumOf } from "./lib/sum.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

export interface Strided {
  threads: number;
  lanes: Lanes;
  /** For each input whether its vectors lie together; otherwise one value is shared by all lanes. */
  vectors: readonly boolean[];
  /** Number of axes of y, and of axes that are reduced. */
  axes: number;
  reduced: number;
  /** WGSL over a, b, ... of type T, an f32 or a vector of them. */
  expression: string;
  functions?: string;
}

const inputsOf = ({ vectors }: Strided): string[] => operandNames.slice(0, vectors.length);

/** The uniform's fields for axes called by `prefix`: size, then each input's stride. */
const axisFields = (s: Strided, prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, k) => [
    `${prefix}${k}`,
    ...inputsOf(s).map((name) => `${prefix}${k}_${name}`),
  ]).flat();

/** The uniform: threads; vectors of y in a run, elements of a run and in all, FACTOR (bits); the axes. */
export const stridedFields = (s: Strided): string[] => [
  ...["items", "outs", "run", "total", "factor"],
  ...axisFields(s, "n", s.axes),
  ...axisFields(s, "r", s.reduced),
];

/** WGSL that adds to `at_a`, ... the offsets of `index` along the axes called by `prefix`, the last one the fastest. */
function offsets(s: Strided, prefix: string, count: number, index: string): string {
  const lines = [`    var left = ${index};`];
  for (let k = count - 1; k >= 0; k--) {
    const along = k > 0 ? `left % p.${prefix}${k}` : "left";
    lines.push(...inputsOf(s).map((name) => `    at_${name} += (${along}) * p.${prefix}${k}_${name};`));
    if (k > 0) lines.push(`    left /= p.${prefix}${k};`);
  }
  return count === 0 ? "" : `  {\n${lines.join("\n")}\n  }`;
}

const head = (s: Strided): string => {
  const arrays = inputsOf(s).map((n, i): [string, string] => [`in_${n}`, s.vectors[i] ? vec(s.lanes) : "f32"]);
  return `${bindings(...arrays, ["y", vec(s.lanes)])}
${params(stridedFields(s), arrays.length + 1)}
alias T = ${vec(s.lanes)};${s.functions ?? ""}`;
};

/** Reads the inputs at their offsets. */
const read = (s: Strided): string =>
  inputsOf(s)
    .map((n, i) => `  let ${n} = ${s.vectors[i] ? `in_${n}[at_${n}]` : `T(in_${n}[at_${n}])`};`)
    .join("\n");

const begin = (s: Strided, from: (name: string) => string): string =>
  inputsOf(s)
    .map((n) => `  var at_${n} = ${from(n)};`)
    .join("\n");

export const strided = (s: Strided): string => wgsl`
${head(s)}
${threadMain(
  { items: "p.items", threads: s.threads },
  `${begin(s, () => "0u")}
${offsets(s, "n", s.axes, "i")}
${read(s)}
  y[i] = ${s.expression};`,
)}`;

const combined = {
  sum: `${sumOf("T", "first", "end", "each(base, k)")}
  let result = sum;`,
  max: `
  var result = each(base, first);
  for (var k = first + 1u; k < end; k++) { result = max(result, each(base, k)); }`,
} as const;
export type Combination = keyof typeof combined;

export const reduce = (s: Strided, how: Combination): string => wgsl`
${head(s)}
fn each(base: array<u32, ${s.vectors.length}>, element: u32) -> T {
${begin(s, (n) => `base[${operandNames.indexOf(n as "a")}]`)}
${offsets(s, "r", s.reduced, "element")}
${read(s)}
  return ${s.expression};
}
${threadMain(
  { items: "p.items", threads: s.threads },
  `${begin(s, () => "0u")}
${offsets(s, "n", s.axes, "i % p.outs")}
  let base = array<u32, ${s.vectors.length}>(${inputsOf(s)
    .map((n) => `at_${n}`)
    .join(", ")});
  let first = i / p.outs * p.run;
  let end = min(first + p.run, p.total);
${combined[how]}
  y[i] = bitcast<f32>(p.factor) * result;`,
)}`;
