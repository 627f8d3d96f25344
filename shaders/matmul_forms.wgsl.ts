/**
 * Products of a batch of matrices, c[z] [M,N] = a[z] [M,K] b[z] [K,N], of which a and b may be stored transposed: the element (row, column) of an
 * operand lies at row ROW + column COLUMN of its matrix. No size need be a multiple of 4. Bindings a, b, c, all f32.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { count, tiledProduct, type Operand, type Tile } from "./lib/tiled.ts";
import { bindings, threadMain } from "./lib/thread.ts";

/** Uniform: sizes, and the strides of a and b in elements. */
export const formFields = ["m", "k", "n", "batch", "aRow", "aColumn", "bRow", "bColumn"] as const;

const inA = (row: string, k: string): string => `z * p.m * p.k + ${row} * p.aRow + ${k} * p.aColumn`;
const inB = (k: string, column: string): string => `z * p.k * p.n + ${k} * p.bRow + ${column} * p.bColumn`;

const head = `
${bindings(["a", "f32"], ["b", "f32"], ["c", "f32"])}
${params(formFields, 3)}`;

/** One thread per element of c. */
export const matmulForms = (threads: number): string => wgsl`
${head}
${threadMain(
  { items: "p.batch * p.m * p.n", threads },
  `  let column = i % p.n;
  let row = (i / p.n) % p.m;
  let z = i / p.n / p.m;
  let first = ${inA("row", "0u")};
  let second = ${inB("0u", "column")};
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += a[first + k * p.aColumn] * b[second + k * p.bRow]; }
  c[i] = sum;`,
)}`;

const matrix = (name: "a" | "b", along: "k" | "edge"): Operand => {
  const [lines, width] = name === "a" ? ["p.m", "p.k"] : ["p.n", "p.k"];
  const [edge, k] = along === "k" ? ["line", "place"] : ["place", "line"];
  const index = name === "a" ? inA(edge, k) : inB(k, edge);
  return {
    lanes: 1,
    along,
    line: count,
    place: count,
    at: `
  let inside = (${edge} < ${lines}) & (${k} < ${width});
  return select(0.0, ${name}[select(0u, ${index}, inside)], inside);`,
  };
};

/** Whether neighbours along k, or along the edge of the tile, lie together. */
export interface Lying {
  a: "k" | "edge";
  b: "k" | "edge";
}

/** Dispatch: ceil(M / rows) ceil(N / columns) groups folded over x and y, the batch along z. */
export const matmulFormsTiled = (tile: Tile, lying: Lying): string =>
  tiledProduct({
    tile,
    head: `
${head}
var<private> z: u32;`,
    setup: `
    let ROWS = p.m;
    let COLUMNS = p.n;
    let BEGIN = 0u;
    let END = p.k;
    z = group.z;`,
    a: matrix("a", lying.a),
    b: matrix("b", lying.b),
    result: { to: "c", lanes: 1, row: "  return (z * p.m + row) * p.n;" },
  });
