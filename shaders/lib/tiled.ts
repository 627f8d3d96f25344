/**
 * The tiled matrix product behind convolution's three passes (conv2d_tiled.wgsl.ts) and the matrix products
 * (matmul_tiled.wgsl.ts).
 *
 *   C [ROWS,COLUMNS] = sum_k A[row,k] B[column,k]
 *
 * A workgroup of 64 threads computes a tile of C, in steps of `depth` elements of k. In each step a thread fetches at most one
 * square of 4 x 4 elements of A and one of B, as vectors along k or along the edge of the tile, whichever are contiguous in
 * memory, transposes the former, and stores them in workgroup memory as vectors along the edge. There are two buffers in
 * workgroup memory: the next step's loads are in flight while this one's products are computed, so that there is one turn more than
 * steps, and one barrier per step suffices. Columns of workgroup memory are permuted by `k / 4` (exclusive or), so that neither the transposed squares nor
 * the reads collide in one bank.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { widened } from "./half.ts";
import { groupIndex } from "./thread.ts";
import { all, component, unroll, vec } from "./vec.ts";

/** A tile of the result; edges times depth are at most 16 * 64, each edge is 16, 32 or 64. */
export interface Tile {
  rows: number;
  columns: number;
  depth: number;
}

export const TILE_THREADS = 64;

/** How one coordinate of an operand is written: the value for index i, and the value that follows one. */
export interface Axis {
  type: "u32" | "vec3u";
  first(i: string): string;
  next(value: string): string;
}

/** An index as it is. */
export const count: Axis = { type: "u32", first: (i) => i, next: (i) => `${i} + 1u` };

/** An index as three digits (high, middle, low), such as image, row and column, given how many values the lower two have. */
export const digits = (middle: string, low: string): Axis => ({
  type: "vec3u",
  first: (i) => `digits(${i}, ${middle}, ${low})`,
  next: (value) => `following(${value}, ${middle}, ${low})`,
});

const digitFunctions = `
fn digits(i: u32, middle: u32, low: u32) -> vec3u {
  let q = i / low;
  let high = q / middle;
  return vec3u(high, q - high * middle, i - q * low);
}
fn following(d: vec3u, middle: u32, low: u32) -> vec3u {
  let z = d.z + 1u;
  let y = d.y + select(0u, 1u, z == low);
  return vec3u(d.x + select(0u, 1u, y == middle), select(y, 0u, y == middle), select(z, 0u, z == low));
}`;

/** A or B: lines of vectors, one of the two coordinates being k and the other the row (or column) of C. */
export interface Operand {
  /** Elements per load; 1 where vectors of 4 would not be aligned. */
  lanes: 1 | 4;
  /** The coordinate along which elements are contiguous. */
  along: "k" | "edge";
  line: Axis;
  /** Counted in loads. */
  place: Axis;
  /** Body of a function of `line` and `place` that returns the element or vector there, zero outside. */
  at: string;
}

/**
 * WGSL that returns the element or vector of `name` (stored in half precision with `half`) at `index` if all conditions hold, else zero:
 * without a branch, which would stall the next load.
 */
export const loadInside = (
  name: string,
  lanes: 1 | 4,
  index: string,
  conditions: readonly string[],
  half = false,
): string => `
  let inside = ${all(...conditions)};
  return select(${vec(lanes)}(), ${widened(`${name}[select(0u, ${index}, inside)]`, lanes, half)}, inside);`;

export interface TiledProduct {
  tile: Tile;
  /** Declarations of bindings, uniform and whatever the operands' functions use. */
  head: string;
  /** Statements that define the u32 values ROWS, COLUMNS, DEPTH, and the range of k [BEGIN, END): BEGIN and END - BEGIN multiples of the tile's depth. */
  setup: string;
  a: Operand;
  b: Operand;
  result: {
    /** The array written to, and whether by vectors of four columns. */
    to: string;
    lanes: 1 | 4;
    /** Body of a function that returns the index in `to` of column 0 of row `row` of C, or NONE. */
    row: string;
    /** The finished value written at index `at`, given that of the sum, of its column and of `at` (by vectors as well). */
    finish?: (value: string, column: string, at: string) => string;
  };
}

/** What one operand contributes to the shader; `x` is the letter that its names begin with. */
function operand(x: "a" | "b", { lanes, along, line, place, at }: Operand, edge: number, depth: number) {
  const [quads, steps] = [edge / 4, depth / 4];
  const loaders = quads * steps;
  const lines = (from: string) =>
    unroll(4, (i) => `    let ${x}l${i} = ${i === 0 ? line.first(from) : line.next(`${x}l${i - 1}`)};`);
  const places = (from: string) =>
    lanes === 4
      ? `    let ${x}p0 = ${place.first(`(${from}) / 4u`)};`
      : unroll(4, (i) => `    let ${x}p${i} = ${i === 0 ? place.first(from) : place.next(`${x}p${i - 1}`)};`);
  const [fixed, moving] = along === "k" ? [lines, places] : [places, lines];
  const [atEdge, atStep] =
    along === "k" ? [`thread / ${steps}u`, `thread % ${steps}u`] : [`thread % ${quads}u`, `thread / ${quads}u`];
  const fetch = (i: number) =>
    lanes === 4 ? `at_${x}(${x}l${i}, ${x}p0)` : `vec4f(${unroll(4, (j) => `at_${x}(${x}l${i}, ${x}p${j})`, ", ")})`;
  const turned = (i: number) =>
    along === "k" ? `vec4f(${unroll(4, (j) => `${x}f${j}.${"xyzw"[i]}`, ", ")})` : `${x}f${i}`;
  const some = loaders < TILE_THREADS ? `thread < ${loaders}u` : "";
  return {
    size: quads * depth,
    declarations: `
var<workgroup> tile_${x}: array<vec4f, ${2 * quads * depth}>;
fn at_${x}(line: ${line.type}, place: ${place.type}) -> ${vec(lanes)} {
${at}
}`,
    before: `
    let ${x}e = ${atEdge};
    let ${x}k = ${atStep};
    let ${x}to = 4u * ${x}k * ${quads}u + (${x}e ^ ${permutation(`${x}k`, quads, depth)});
${fixed(`${x}0 + 4u * ${x}e`)}
${unroll(4, (i) => `    var ${x}f${i} = vec4f();`)}`,
    load: `
      if (k0 < END${some && ` && ${some}`}) {
${moving(`k0 + 4u * ${x}k`)}
${unroll(4, (i) => `        ${x}f${i} = ${fetch(i)};`)}
      }`,
    store: `
      ${some && `if (${some}) `}{
${unroll(4, (i) => `        tile_${x}[side * ${quads * depth}u + ${x}to + ${i * quads}u] = ${turned(i)};`)}
      }`,
  };
}

/** The value that permutes the columns of workgroup memory in the four lines of step `step`. */
const permutation = (step: string, quads: number, depth: number): string =>
  `((${step} * ${32 / depth}u) & ${quads - 1}u)`;

export function tiledProduct({ tile, head, setup, a, b, result }: TiledProduct): string {
  const { rows, columns, depth } = tile;
  const each = rows * columns === 4096 ? 2 : 1;
  const [qa, qb] = [rows / 4, columns / 4];
  const [down, across] = [qa / each, qb / each];
  const [fa, fb] = [operand("a", a, rows, depth), operand("b", b, columns, depth)];
  const { lanes, to, finish = (value: string) => value } = result;
  const store = (r: number, c: number) =>
    unroll(4 / lanes, (j) => {
      const value = lanes === 4 ? `acc${r}_${c}` : component(`acc${r}_${c}`, j, 4);
      return `
        if (n${c} + ${j}u < COLUMNS) {
          let column = n${c} / ${lanes}u + ${j}u;
          ${to}[start + column] = ${finish(value, "column", "(start + column)")};
        }`;
    });
  return wgsl`
const NONE = 0xffffffffu;
${head}
${digitFunctions}
${fa.declarations}
${fb.declarations}
fn row_at(row: u32) -> u32 {
${result.row}
}
@compute @workgroup_size(${TILE_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
${setup}
    let ACROSS = (COLUMNS + ${columns - 1}u) / ${columns}u;
    let tile = ${groupIndex};
    let a0 = tile / ACROSS * ${rows}u;
    let b0 = tile % ACROSS * ${columns}u;
    if (a0 >= ROWS) { return; }
    let tx = thread % ${across}u;
    let ty = thread / ${across}u;
${fa.before}
${fb.before}
${unroll(4 * each, (r) => unroll(each, (c) => `    var acc${r}_${c} = vec4f();`))}
    var side = 0u;
    for (var k0 = BEGIN; k0 < END + ${depth}u; k0 += ${depth}u) {
${fa.load}
${fb.load}
      if (k0 > BEGIN) {
        let other = 1u - side;
        for (var step = 0u; step < ${depth / 4}u; step++) {
${unroll(each, (r) => `          let ra${r} = other * ${fa.size}u + 4u * step * ${qa}u + ((ty + ${down * r}u) ^ ${permutation("step", qa, depth)});`)}
${unroll(each, (c) => `          let rb${c} = other * ${fb.size}u + 4u * step * ${qb}u + ((tx + ${across * c}u) ^ ${permutation("step", qb, depth)});`)}
${unroll(
  4,
  (k) => `          {
${unroll(each, (r) => `            let a${r} = tile_a[ra${r} + ${k * qa}u];`)}
${unroll(each, (c) => `            let b${c} = tile_b[rb${c} + ${k * qb}u];`)}
${unroll(4 * each, (r) => unroll(each, (c) => `            acc${r}_${c} += ${component(`a${r >> 2}`, r & 3, 4)} * b${c};`))}
          }`,
)}
        }
      }
${fa.store}
${fb.store}
      workgroupBarrier();
      side = 1u - side;
    }
${unroll(each, (c) => `    let n${c} = b0 + 4u * (tx + ${across * c}u);`)}
${unroll(
  4 * each,
  (r) => `
    let m${r} = a0 + 4u * (ty + ${down * (r >> 2)}u) + ${r & 3}u;
    if (m${r} < ROWS) {
      let start = row_at(m${r});
      if (start != NONE) {
${unroll(each, (c) => store(r, c))}
      }
    }`,
)}
}`;
}
