/**
 * Products of matrices that lie anywhere in memory: c[z] [M,N] = a[z] [M,K] b[z] [K,N], the element (row, column) of matrix z of each at
 *
 *   (z / INNER) OUTER + (z mod INNER) STEP + OFFSET + row ROW + column COLUMN
 *
 * so that operands are read transposed, or out of the middle of others. Bindings a, b, c, all f32.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { count, tiledProduct, type Operand, type Tile } from "./lib/tiled.ts";
import { bindings, threadMain } from "./lib/thread.ts";

const places = ["Outer", "Step", "Offset", "Row", "Column"] as const;

/** Uniform: sizes, matrices in all and of an outer step; then where a, b and c lie, in elements. */
export const stridedFields = [
  ...["m", "k", "n", "batch", "inner"],
  ...["a", "b", "c"].flatMap((name) => places.map((place) => `${name}${place}`)),
] as const;

const at = (name: string, z: string, row: string, column: string): string =>
  `(${z} / p.inner) * p.${name}Outer + (${z} % p.inner) * p.${name}Step + p.${name}Offset + ${row} * p.${name}Row + ${column} * p.${name}Column`;

const head = `
${bindings(["a", "f32"], ["b", "f32"], ["c", "f32"])}
${params(stridedFields, 3)}`;

/** One thread per element of c. */
export const matmulStrided = (threads: number): string => wgsl`
${head}
${threadMain(
  { items: "p.batch * p.m * p.n", threads },
  `  let column = i % p.n;
  let row = (i / p.n) % p.m;
  let z = i / p.n / p.m;
  let first = ${at("a", "z", "row", "0u")};
  let second = ${at("b", "z", "0u", "column")};
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += a[first + k * p.aColumn] * b[second + k * p.bRow]; }
  c[${at("c", "z", "row", "column")}] = sum;`,
)}`;

const matrix = (name: "a" | "b", along: "k" | "edge"): Operand => {
  const [lines, width] = name === "a" ? ["p.m", "p.k"] : ["p.n", "p.k"];
  const [edge, k] = along === "k" ? ["line", "place"] : ["place", "line"];
  const index = name === "a" ? at("a", "z", edge, k) : at("b", "z", k, edge);
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
export const matmulStridedTiled = (tile: Tile, lying: Lying): string =>
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
    result: { to: "c", lanes: 1, row: `  return ${at("c", "z", "row", "0u")};` },
  });
