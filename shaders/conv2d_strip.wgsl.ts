/**
 * Convolution of stride 1 with few result channels: a lane takes a vertical strip of `rows` pixels, its neighbours the strips
 * beside it, so that each input column is loaded once for the whole kernel. Each weight is loaded by one lane and broadcast.
 *
 *   forward      y[n,y,x,:] = sum over ky, kx, c of x[n, y + ky - PH, x + kx - PW, c] w[ky,kx,c,:]
 *   input grad   the same of dy, with the kernel turned by 180 degrees, its channels swapped, and KH - 1 - PH for PH
 *
 * A workgroup is one subgroup; no workgroup memory, no barrier. Sizes come as a uniform; dilation 1. Groups of channels lie along z, each as a convolution
 * of its own: `quads`, `lane` and `chunk` are of one group.
 * Dispatch: N ceil(OH / rows) ceil(OW / subgroup) workgroups folded over x and y, in each group.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { epilogueOperands, finish, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { params } from "./lib/params.ts";
import { collected } from "./lib/loops.ts";
import { bindings, groupIndex, loop } from "./lib/thread.ts";
import { component, unroll, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: input [n, h, w, c], output height and width, and the padding. */
export const stripFields = ["n", "h", "w", "c", "oh", "ow", "ph", "pw"] as const;
/** The same, with the number of groups where there are several. */
export const stripFieldsOf = (grouped: boolean) => [...stripFields, ...(grouped ? (["groups"] as const) : [])];

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
  /** Whether there are several groups of channels. */
  grouped: boolean;
  epilogue: Epilogue;
}

/** `loadX`: vector s of the pixel (iy, ix) of an image; 0 beyond the border. */
export const pixelLoader = (chunk: 1 | 4): string => `
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
  const { turned, grouped, subgroup, lane, quads, chunk, kh, kw } = t;
  const channels = quads * lane;
  const count = kh * (turned ? channels : chunk * quads);
  const held = (e: number, part: string) => `subgroupBroadcast(w${Math.floor(e / subgroup)}${part}, ${e % subgroup}u)`;
  const load = turned
    ? `let ky = e / ${channels}u;
        let at = (((${kh - 1}u - ky) * ${kw}u + ${kw - 1}u - kx) * ${channels}u + e % ${channels}u) * (p.c / ${chunk}u) + c / ${chunk}u;`
    : `let ky = e / ${chunk * quads}u;
        ${
          grouped
            ? `let own = p.c / p.groups;
        let at = (((ky * ${kw}u + kx) * own + c % own + e / ${quads}u % ${chunk}u) * p.groups + c / own) * ${quads}u + e % ${quads}u;`
            : `let at = ((ky * ${kw}u + kx) * p.c + c + e / ${quads}u % ${chunk}u) * ${quads}u + e % ${quads}u;`
        }`;
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
${bindings(...names)}${rectifier(t.epilogue, out)}
${params(stripFieldsOf(t.grouped), names.length)}
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
  for (var c = ${t.grouped ? "p.c / p.groups * group.z" : "0u"}; c < ${t.grouped ? "p.c / p.groups * (group.z + 1u)" : "p.c"}; c += ${chunk}u) {
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
    let at = ((image * p.oh + row + v) * p.ow + column) * ${t.grouped ? `p.groups * ${quads}u + group.z * ${quads}u` : `${quads}u`};
${loop("q", quads, `    y[at + q] = ${finish(t.epilogue, `all[v * ${quads}u + q]`, t.grouped ? `bias[group.z * ${quads}u + q]` : "bias[q]", "at + q")};`)}
  }`,
)}
}`;
};
