/**
 * Convolution of stride 1 with few result channels: a lane takes a vertical strip of `rows` pixels, its neighbours the strips
 * beside it, so that each input column is loaded once for the whole kernel. Each weight is loaded by one lane and broadcast.
 *
 *   forward      y[n,y,x,:] = sum over ky, kx, c of x[n, y + ky - PH, x + kx - PW, c] w[ky,kx,c,:]
 *   input grad   the same of dy, with the kernel turned by 180 degrees, its channels swapped, and KH - 1 - PH for PH
 *
 * A workgroup is one subgroup; no workgroup memory, no barrier. Sizes come as a uniform; dilation 1, groups 1.
 * Dispatch: N ceil(OH / rows) ceil(OW / subgroup) groups folded over x and y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { epilogueOperands, finish, type Epilogue } from "./lib/epilogue.ts";
import { params } from "./lib/params.ts";
import { addTeams } from "./lib/team.ts";
import { bindings, collected, groupIndex, loop } from "./lib/thread.ts";
import { component, unroll, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: input [n, h, w, c], output height and width, and the padding. */
export const stripFields = ["n", "h", "w", "c", "oh", "ow", "ph", "pw"] as const;

export interface Strip {
  subgroup: number;
  /** Pixels of a lane. */
  rows: number;
  /** Result channels in a vector, and vectors. */
  lane: Lanes;
  quads: number;
  /** Input channels loaded at once: 4 where their number is a multiple of 4. */
  chunk: 1 | 4;
  kh: number;
  kw: number;
  /** For the input gradient. */
  turned: boolean;
  epilogue: Epilogue;
}

/** `loadX`: vector s of the pixel (iy, ix) of an image; 0 beyond the border. */
const pixelLoader = (chunk: 1 | 4): string => `
fn loadX(image: u32, iy: i32, ix: i32, s: u32) -> ${vec(chunk)} {
  let inside = (u32(iy) < p.h) & (u32(ix) < p.w);
  return select(${vec(chunk)}(), x[select(0u, ((image * p.h + u32(iy)) * p.w + u32(ix)) * p.c / ${chunk}u + s, inside)], inside);
}`;

/**
 * How the weights of one kernel column and one chunk of input channels are distributed over the lanes: lane e mod subgroup holds
 * item e in register e div subgroup. Each is a vector as stored in memory: of result channels or, where the kernel is turned, of
 * the chunk.
 */
function weightsOf(t: Strip) {
  const { turned, subgroup, lane, quads, chunk, kh, kw } = t;
  const channels = quads * lane;
  const count = kh * (turned ? channels : chunk * quads);
  const held = (e: number, part: string) => `subgroupBroadcast(w${Math.floor(e / subgroup)}${part}, ${e % subgroup}u)`;
  const load = turned
    ? `let ky = e / ${channels}u;
        let at = (((${kh - 1}u - ky) * ${kw}u + ${kw - 1}u - kx) * ${channels}u + e % ${channels}u) * (p.c / ${chunk}u) + c / ${chunk}u;`
    : `let ky = e / ${chunk * quads}u;
        let at = ((ky * ${kw}u + kx) * p.c + c + e / ${quads}u % ${chunk}u) * ${quads}u + e % ${quads}u;`;
  return {
    type: vec(turned ? chunk : lane),
    load: unroll(
      Math.ceil(count / subgroup),
      (r) => `
      let w${r} = loadWeight(min(lane + ${r * subgroup}u, ${count - 1}u), kx, c);`,
    ),
    loader: `
fn loadWeight(e: u32, kx: u32, c: u32) -> ${vec(turned ? chunk : lane)} {
        ${load}
        return w[at];
}`,
    /** From input channel c + k to vector q of result channels. */
    at(ky: number, k: number, q: number): string {
      if (!turned) return held((ky * chunk + k) * quads + q, "");
      const single = (j: number) => held(ky * channels + q * lane + j, component("", k, chunk));
      return `${vec(lane)}(${unroll(lane, single, ", ")})`;
    },
  };
}

/**
 * How the lanes get the input columns under the kernel: each loads its own, and those beyond the last lane are shared out, so
 * that every column is loaded once; for kernel column kx the lanes pass them on.
 */
function columnsOf({ subgroup, rows, chunk, kh, kw }: Strip) {
  const height = rows + kh - 1;
  if (kw === 1) return { load: "", move: unroll(height, (r) => `      let v${r} = a${r};`) };
  const width = beyondLast(kw);
  const load = (j: number) => {
    const item = `(lane + ${j * subgroup}u)`;
    return `    let h${j} = loadX(image, top + i32(${item} / ${width}u), left + ${subgroup} + i32(${item} % ${width}u), c / ${chunk}u);`;
  };
  const row = (r: number) => {
    const beyond = `subgroupShuffle(h${Math.floor((r * width) / subgroup)}, ${(r * width) % subgroup}u + over)`;
    return `      let v${r} = select(subgroupShuffle(a${r}, own), ${beyond}, ${vec(chunk) === "f32" ? "last" : "vec4<bool>(last)"});`;
  };
  return {
    load: unroll(Math.ceil((height * width) / subgroup), load),
    move: `
      let last = lane + kx >= ${subgroup}u;
      let own = min(lane + kx, ${subgroup - 1}u);
      let over = (lane + kx) % ${width}u;
${unroll(height, row)}`,
  };
}

/** Columns beyond the last lane's, rounded up to a power of two. */
export const beyondLast = (kw: number): number => 2 ** Math.ceil(Math.log2(kw - 1));

/** Bindings x, w, (bias, plus: lib/epilogue.ts,) y; for the input gradient dy, w, (bias, plus,) dx. */
export const conv2dStrip = (t: Strip): string => {
  const { subgroup, rows, lane, quads, chunk, kh, kw } = t;
  const out = vec(lane);
  const weights = weightsOf(t);
  const columns = columnsOf(t);
  const height = rows + kh - 1;
  const names: [string, string][] = [
    ["x", vec(chunk)],
    ["w", weights.type],
    ...epilogueOperands(t.epilogue).map((name): [string, string] => [name, out]),
    ["y", out],
  ];
  const accumulators = Array.from({ length: rows * quads }, (_, e) => `acc${Math.floor(e / quads)}_${e % quads}`);
  return wgsl`
enable subgroups;
${bindings(...names)}
${params(stripFields, names.length)}
${weights.loader}
${pixelLoader(chunk)}
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let strips = (p.oh + ${rows - 1}u) / ${rows}u;
  let blocks = (p.ow + ${subgroup - 1}u) / ${subgroup}u;
  let block = ${groupIndex};
  if (block >= p.n * strips * blocks) { return; }
  let first = i32(block % blocks * ${subgroup}u);
  let column = u32(first) + lane;
  let row = block / blocks % strips * ${rows}u;
  let image = block / blocks / strips;
  let top = i32(row) - i32(p.ph);
  let left = first - i32(p.pw);
${unroll(rows * quads, (e) => `  var ${accumulators[e]} = ${out}();`)}
  for (var c = 0u; c < p.c; c += ${chunk}u) {
${unroll(height, (r) => `    let a${r} = loadX(image, top + ${r}, left + i32(lane), c / ${chunk}u);`)}
${columns.load}
    for (var kx = 0u; kx < ${kw}u; kx++) {
${weights.load}
${columns.move}
${unroll(quads, (q) =>
  unroll(kh, (ky) =>
    unroll(
      chunk,
      (k) => `      {
        let b = ${weights.at(ky, k, q)};
${unroll(rows, (v) => `        acc${v}_${q} += ${component(`v${v + ky}`, k, chunk)} * b;`)}
      }`,
    ),
  ),
)}
    }
  }
  if (column >= p.ow) { return; }
${collected(out, accumulators)}
${loop(
  "v",
  rows,
  wgsl`
  if (row + v < p.oh) {
    let at = ((image * p.oh + row + v) * p.ow + column) * ${quads}u;
${loop("q", quads, `    y[at + q] = ${finish(t.epilogue, out, `all[v * ${quads}u + q]`, "bias[q]", "at + q")};`)}
  }`,
)}
}`;
};

export type GradStrip = Pick<Strip, "subgroup" | "lane" | "quads" | "chunk" | "kh" | "kw">;

/** Uniform: input [n, h, w, c], output height and width, padding, rows of a strip, and strips of a split. */
export const stripGradFields = [...stripFields, "rows", "run"] as const;

/**
 * Weight gradient. A workgroup takes one kernel column and one chunk of input channels, a lane one strip of p.rows pixels after
 * another; down a strip, the input pixels under the kernel shift by one row at a time. The lanes' sums are added at the end.
 * Bindings x [N,H,W,C], dy [N,OH,OW,CO], part [splits,KH,KW,C,CO]. Dispatch: (KW C / chunk, splits).
 */
export const conv2dStripWeightGrad = (t: GradStrip): string => {
  const { subgroup, lane, quads, chunk, kh, kw } = t;
  const out = vec(lane);
  // One for each row of the kernel, channel of the chunk and vector of result channels, in this order.
  const accumulators = Array.from({ length: kh * chunk * quads }, (_, e) => {
    const [ky, k, q] = [Math.floor(e / (chunk * quads)), Math.floor(e / quads) % chunk, e % quads];
    return { ky, k, q, name: `acc${ky}_${k}_${q}` };
  });
  const pixel = (row: string): string => `loadX(image, i32(${row}) - i32(p.ph), ix, c)`;
  return wgsl`
enable subgroups;
${bindings(["x", vec(chunk)], ["dy", out], ["part", out])}
${params(stripGradFields, 3)}
${pixelLoader(chunk)}
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let kx = group.x % ${kw}u;
  let c = group.x / ${kw}u;
  let strips = (p.oh + p.rows - 1u) / p.rows;
  let items = p.n * strips * p.ow;
  let end = min((group.y + 1u) * p.run, items);
${accumulators.map(({ name }) => `  var ${name} = ${out}();`).join("\n")}
  for (var first = group.y * p.run; first < end; first += ${subgroup}u) {
    let item = min(first + lane, end - 1u);
    let mine = first + lane < end;
    let column = item % p.ow;
    let top = (item / p.ow) % strips * p.rows;
    let image = item / p.ow / strips;
    // Beyond the border where the item is none of the split's.
    let ix = select(-1, i32(column + kx) - i32(p.pw), mine);
${unroll(kh - 1, (ky) => `    var a${ky + 1} = ${pixel(`top + ${ky}u`)};`)}
    for (var r = 0u; r < p.rows; r++) {
${unroll(kh - 1, (ky) => `      let a${ky} = a${ky + 1};`).replaceAll("let a", "let b")}
      let last = ${pixel(`top + r + ${kh - 1}u`)};
      let row = top + r;
      let inY = row < p.oh;
      let at = ((image * p.oh + min(row, p.oh - 1u)) * p.ow + column) * ${quads}u;
${unroll(quads, (q) => `      let d${q} = select(${out}(), dy[at + ${q}u], inY);`)}
${accumulators.map(({ ky, k, q, name }) => `      ${name} += ${component(ky === kh - 1 ? "last" : `b${ky}`, k, chunk)} * d${q};`).join("\n")}
${unroll(kh - 1, (ky) => `      a${ky + 1} = ${ky === kh - 2 ? "last" : `b${ky + 1}`};`)}
    }
  }
${collected(
  out,
  accumulators.map(({ name }) => name),
)}
${loop(
  "e",
  accumulators.length,
  wgsl`
  var sum = all[e];
${addTeams("sum", { subgroup, team: 1 })}
  let ky = e / ${chunk * quads}u; let k = e / ${quads}u % ${chunk}u; let q = e % ${quads}u;
  if (lane == 0u) { part[(((group.y * ${kh}u + ky) * ${kw}u + kx) * p.c + c * ${chunk}u + k) * ${quads}u + q] = sum; }`,
)}
}`;
};
