/**
 * Convolution as an implicit GEMM with tiles in workgroup memory (lib/tiled.ts): for adapters with real workgroup memory, with or
 * without subgroups.
 *
 *   forward       Y [P,CO]  = X' [P,K] W [K,CO]        P = N OH OW, K = (ky,kx,c), X' = input pixels under the kernel
 *   input grad    DX [P,CI] = DY' [P,K] W' [K,CI]      K = (ky,kx,co), one phase of the stride at a time, P = N ceil(H/SH) ceil(W/SW)
 *   weight grad   DW [K,CO] = X'^T [K,P] DY [P,CO]
 *
 * where CI and CO are the channels of one group. Bindings: the two operands (x and w; dy and w; x and dy), those of the epilogue
 * (lib/epilogue.ts; none in the weight gradient), and the result, all f32 or vec4f as the channels allow. The sum may be cut into
 * splits of p.extra elements, a multiple of the tile's depth; the result is then [splits, ...], and sum_parts.wgsl.ts adds them.
 *
 * Dispatch: tiles (rows of tiles times columns of tiles) folded over x and y; splits phases groups along z, groups fastest.
 */
import { convHead, type Conv2dShape } from "./lib/conv.ts";
import { epilogueOperands, finish, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { enableHalf, stored } from "./lib/half.ts";
import { count, digits, loadInside, tiledProduct, type Operand, type Tile } from "./lib/tiled.ts";
import { bindings } from "./lib/thread.ts";
import { vec } from "./lib/vec.ts";

type Lanes = 1 | 4;
type Pair = readonly [string, string];

/** Elements per load or store: vectors where every group's channels fill whole ones. */
const lanesOf = (channels: number): Lanes => (channels % 4 === 0 ? 4 : 1);

/** Pixels of an image under a kernel: lines are pixels of the result, places (tap row, tap column, channel). */
interface Image {
  name: string;
  lanes: Lanes;
  along: "k" | "edge";
  /** Pixels of the result per image: down and across. */
  result: Pair;
  /** Taps of the kernel. */
  taps: Pair;
  /** Height and width of the image. */
  size: Pair;
  /** Channels: in all, and per group. */
  channels: Pair;
  /** The pixel read is `scale` result pixel + `offset` + `step` tap. */
  scale: Pair;
  offset: Pair;
  step: Pair;
}

const image = ({
  name,
  lanes,
  along,
  result,
  taps,
  size: [h, w],
  channels: [total, own],
  scale,
  offset,
  step,
}: Image): Operand => ({
  lanes,
  along,
  line: digits(...result),
  place: digits(taps[1], `(${own} / ${lanes}u)`),
  at: `
  let iy = i32(line.y) * ${scale[0]} + ${offset[0]} + i32(place.x) * ${step[0]};
  let ix = i32(line.z) * ${scale[1]} + ${offset[1]} + i32(place.y) * ${step[1]};
  let pixel = (line.x * ${h} + u32(iy)) * ${w} + u32(ix);
${loadInside(name, lanes, `(pixel * ${total} + g * ${own}) / ${lanes}u + place.z`, [
  "line.x < p.n",
  `place.x < ${taps[0]}`,
  `u32(iy) < ${h}`,
  `u32(ix) < ${w}`,
])}`,
});

/** A matrix [lines, CO], of which only the group's columns count. */
const matrix = (name: string, lanes: Lanes, lines: string, half = false): Operand => ({
  lanes,
  along: "edge",
  line: count,
  place: count,
  at: `

${loadInside(name, lanes, `(line * p.co + g * cog) / ${lanes}u + place`, [`line < ${lines}`, `place * ${lanes}u < cog`], half)}`,
});

/** Group, split and channels per group, for the functions. WGSL never treats module variables as uniform, so main has its own. */
const privates = `
var<private> g: u32;
var<private> split: u32;
var<private> cig: u32;
var<private> cog: u32;`;

const channels = `
    let CIG = p.ci / p.groups;
    let COG = p.co / p.groups;
    cig = CIG;
    cog = COG;`;

/** Group and split of a workgroup, and its range of k. */
const range = (phases: number): string => `
    g = group.z % p.groups;
    let s = group.z / p.groups / ${phases}u;
    split = s;
    let BEGIN = s * p.extra;
    let END = min(BEGIN + p.extra, DEPTH);`;

/** The pixels of x under the kernel. */
const patches = (s: Conv2dShape, along: "k" | "edge"): Operand =>
  image({
    name: "x",
    lanes: lanesOf(s.ci / s.groups),
    along,
    result: ["p.oh", "p.ow"],
    taps: ["KH", "KW"],
    size: ["p.h", "p.w"],
    channels: ["p.ci", "cig"],
    scale: ["SH", "SW"],
    offset: ["-i32(p.ph)", "-i32(p.pw)"],
    step: ["DH", "DW"],
  });

/** Bindings of what the epilogue reads. */
const epilogueBindings = (epilogue: Epilogue, lanes: Lanes): [string, string][] =>
  epilogueOperands(epilogue).map((name) => [name, vec(lanes)]);

const finisher = (epilogue: Epilogue, lanes: Lanes, own: string) => (value: string, column: string, at: string) =>
  finish(epilogue, value, `bias[g * (${own} / ${lanes}u) + ${column}]`, at);

/** With `half`, the weights are stored in half precision. */
export const conv2dTiledForward = (s: Conv2dShape, epilogue: Epilogue, tile: Tile, half: boolean): string => {
  const [lanes, load] = [lanesOf(s.co / s.groups), lanesOf(s.ci / s.groups)];
  const more = epilogueBindings(epilogue, lanes);
  const product = tiledProduct({
    tile,
    head: `
${bindings(["x", vec(load)], ["w", stored(lanes, half)], ...more, ["y", vec(lanes)])}${rectifier(epilogue, vec(lanes))}
${convHead(s, 3 + more.length)}${privates}`,
    setup: `${channels}
    let ROWS = p.n * p.oh * p.ow;
    let COLUMNS = COG;
    let DEPTH = KH * KW * CIG;${range(1)}`,
    a: patches(s, "k"),
    b: matrix("w", lanes, "KH * KW * cig", half),
    result: {
      to: "y",
      lanes,
      row: `  return ((split * p.n * p.oh * p.ow + row) * p.co + g * cog) / ${lanes}u;`,
      finish: finisher(epilogue, lanes, "cog"),
    },
  });
  return enableHalf(half) + product;
};

export const conv2dTiledWeightGrad = (s: Conv2dShape, tile: Tile): string => {
  const [lanes, load] = [lanesOf(s.co / s.groups), lanesOf(s.ci / s.groups)];
  return tiledProduct({
    tile,
    head: `
${bindings(["x", vec(load)], ["dy", vec(lanes)], ["dw", vec(lanes)])}
${convHead(s, 3)}${privates}`,
    setup: `${channels}
    let ROWS = KH * KW * CIG;
    let COLUMNS = COG;
    let DEPTH = p.n * p.oh * p.ow;${range(1)}`,
    a: patches(s, "edge"),
    b: matrix("dy", lanes, "p.n * p.oh * p.ow"),
    result: {
      to: "dw",
      lanes,
      row: `  return ((split * KH * KW * cig + row) * p.co + g * cog) / ${lanes}u;`,
    },
  });
};

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** In one direction, the taps that reach a phase are first, first + STEP, first + 2 STEP, ... */
export const tapStep = (stride: number, dilation: number): number => stride / gcd(stride, dilation);

/**
 * Pixels (iy,ix) with the same remainders modulo the stride form a phase, which only some, evenly spaced taps reach: no product
 * with an inserted zero is computed.
 */
export const conv2dTiledInputGrad = (s: Conv2dShape, epilogue: Epilogue, tile: Tile): string => {
  const [lanes, load] = [lanesOf(s.ci / s.groups), lanesOf(s.co / s.groups)];
  const [sh, sw] = s.stride;
  const [stepY, stepX] = [tapStep(sh, s.dilation[0]), tapStep(sw, s.dilation[1])];
  const down = `((p.h + ${sh - 1}u) / ${sh}u)`;
  const across = `((p.w + ${sw - 1}u) / ${sw}u)`;
  // First tap of the phase, and the pixel of dy that it reads for pixel 0, in one direction.
  const firstTap = (name: string, taps: string, padding: string, stride: number, dilation: number, step: number) => `
    let reach${name} = i32(from${name}) + i32(${padding});
    var tap${name} = ${taps};
    for (var k = ${step}; k > 0; k--) { if ((reach${name} - (k - 1) * ${dilation}) % ${stride} == 0) { tap${name} = u32(k - 1); } }
    let taps${name} = (max(${taps}, tap${name}) - tap${name} + ${step - 1}u) / ${step}u;
    offset${name} = (reach${name} - i32(tap${name}) * ${dilation}) / ${stride};
    first${name} = tap${name};
    count${name} = taps${name};
    phase${name} = from${name};`;
  const dy = image({
    name: "dy",
    lanes: load,
    along: "k",
    result: [down, across],
    taps: ["countY", "countX"],
    size: ["p.oh", "p.ow"],
    channels: ["p.co", "cog"],
    scale: ["1", "1"],
    offset: ["offsetY", "offsetX"],
    step: [`${-(stepY * s.dilation[0]) / sh}`, `${-(stepX * s.dilation[1]) / sw}`],
  });
  const more = epilogueBindings(epilogue, lanes);
  return tiledProduct({
    tile,
    head: `
${bindings(["dy", vec(load)], ["w", vec(load)], ...more, ["dx", vec(lanes)])}
${convHead(s, 3 + more.length)}${privates}
${["Y", "X"].map((d) => `var<private> offset${d}: i32; var<private> first${d}: u32; var<private> count${d}: u32; var<private> phase${d}: u32;`).join("\n")}`,
    setup: `${channels}
    let phase = group.z / p.groups % ${sh * sw}u;
    let fromY = phase / ${sw}u;
    let fromX = phase % ${sw}u;
${firstTap("Y", "KH", "p.ph", sh, s.dilation[0], stepY)}
${firstTap("X", "KW", "p.pw", sw, s.dilation[1], stepX)}
    let ROWS = p.n * ${down} * ${across};
    let COLUMNS = CIG;
    let DEPTH = tapsY * tapsX * COG;${range(sh * sw)}`,
    a: dy,
    b: {
      lanes: load,
      along: "k",
      line: count,
      place: dy.place,
      at: `
  let tap = (firstY + place.x * ${stepY}u) * KW + firstX + place.y * ${stepX}u;
${loadInside("w", load, `((tap * cig + line) * p.co + g * cog) / ${load}u + place.z`, ["line < cig", "place.x < countY"])}`,
    },
    result: {
      to: "dx",
      lanes,
      row: `
  let at = digits(row, ${down}, ${across});
  let iy = at.y * ${sh}u + phaseY;
  let ix = at.z * ${sw}u + phaseX;
  if (iy >= p.h || ix >= p.w) { return NONE; }
  return ((((split * p.n + at.x) * p.h + iy) * p.w + ix) * p.ci + g * cig) / ${lanes}u;`,
      finish: finisher(epilogue, lanes, "cig"),
    },
  });
};
