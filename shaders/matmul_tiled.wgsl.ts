/**
 * Batched row-major matrix products with tiles in workgroup memory (lib/tiled.ts).
 *
 *   matmul   c[z] [M,N] = a[z] [M,K] b[z] [K,N], or b[z] [N,K]^T
 *   gram     c[s,z] [M,N] = a[z] [K,M]^T b[z] [K,N], K cut into splits s of p.run rows, a multiple of the tile's depth
 *
 * The last size of every matrix is a multiple of 4.
 * Dispatch: ceil(M / rows) ceil(N / columns) groups folded over x and y; splits batch along z, the batch varying faster.
 */
import { enableHalf, stored } from "./lib/half.ts";
import { count, loadInside, tiledProduct, type Operand, type Tile } from "./lib/tiled.ts";
import { params } from "./lib/params.ts";
import { bindings } from "./lib/thread.ts";
import { matmulFields } from "./matmul_subgroup.wgsl.ts";

export type MatmulForm = "plain" | "transposed" | "gram";

/** Matrix z of a batch, stored as `lines` lines of `width` elements. */
const matrix = (name: string, along: "k" | "edge", lines: string, width: string, half = false): Operand => ({
  lanes: 4,
  along,
  line: count,
  place: count,
  at: `
  let vectors = ${width} / 4u;
${loadInside(name, 4, `(z * ${lines} + line) * vectors + place`, [`line < ${lines}`, "place < vectors"], half)}`,
});

/** With `half`, b is stored in half precision. */
export const matmulTiled = (tile: Tile, form: MatmulForm, half: boolean): string =>
  enableHalf(half) +
  tiledProduct({
    tile,
    head: `
${bindings(["a", "vec4f"], ["b", stored(4, half)], ["c", "vec4f"])}
${params(matmulFields, 3)}
var<private> z: u32;
var<private> part: u32;`,
    setup: `
    let ROWS = p.m;
    let COLUMNS = p.n;
    let BEGIN = group.z / p.batch * p.run;
    let END = min(BEGIN + p.run, p.k);
    z = group.z % p.batch;
    part = group.z;`,
    a: form === "gram" ? matrix("a", "edge", "p.k", "p.m") : matrix("a", "k", "p.m", "p.k"),
    b: form === "transposed" ? matrix("b", "k", "p.n", "p.k", half) : matrix("b", "edge", "p.k", "p.n", half),
    result: { to: "c", lanes: 4, row: "  return (part * p.m + row) * (p.n / 4u);" },
  });
