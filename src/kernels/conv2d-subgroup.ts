/**
 * The variants of convolution's three passes by subgroups (shaders/conv2d_subgroup.wgsl.ts): tiles and grids. With one group of channels they are called
 * "subgroup", with several "grouped": then each group has tiles of its own.
 */
import { conv2dSubgroupForward, conv2dSubgroupInputGrad } from "../../shaders/conv2d_subgroup.wgsl.ts";
import { conv2dSubgroupWeightGrad } from "../../shaders/conv2d_subgroup_weight_grad.wgsl.ts";
import { epilogueOperands, type Epilogue } from "../../shaders/lib/epilogue.ts";
import { convParams, multiplyAdds, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv, gcd, grid1d } from "./grid.ts";
import { narrowing } from "./half.ts";
import { input, output, scratch, type Lowering, type LoweringContext } from "./kernel.ts";
import { single } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";
import { columnsPerLane, enoughWorkgroups, rowsOfTeam, teamOf, type SubgroupCaps } from "./tile.ts";

/** The fewest channels per group that leave something to share: one is what depthwise kernels are for. */
const MIN_GROUP_CHANNELS = 2;

const covers = (s: Conv2dShape, caps: Capabilities): caps is Capabilities & SubgroupCaps =>
  caps.subgroupSize !== undefined && (s.groups === 1 || Math.min(s.ci, s.co) >= MIN_GROUP_CHANNELS * s.groups);

const variantOf = ({ groups }: Conv2dShape): string => (groups === 1 ? "subgroup" : "grouped");

interface Product {
  /** Groups of channels; channels of the result, and of what is summed over, in each. */
  groups: number;
  columns: number;
  depth: number;
  /** Pixels of the result, in each phase of the stride. */
  pixels: number;
  phases: number;
  /** Floating-point operations in all. */
  flops: number;
}

/** Tile and grid of forward pass and input gradient. */
function tileOf({ groups, columns, depth, pixels, phases, flops }: Product, { subgroupSize: subgroup }: SubgroupCaps) {
  const lane = columnsPerLane(columns);
  const team = teamOf(columns, lane, subgroup);
  const rows = rowsOfTeam(pixels, team, subgroup / team, lane, flops) / team;
  const [x, y] = grid1d(ceilDiv(pixels, subgroup * rows));
  const tile = { subgroup, team, lane, chunk: depth % 4 ? (1 as const) : (4 as const), grouped: groups > 1, rows };
  return { tile, workgroups: [x, y, ceilDiv(columns / lane, team) * groups * phases] as const };
}

export function subgroupForward(s: Conv2dShape, epilogue: Epilogue, context: LoweringContext): Lowering[] {
  const { caps } = context;
  if (!covers(s, caps)) return [];
  const product = {
    ...{ groups: s.groups, columns: s.co / s.groups, depth: s.ci / s.groups },
    ...{ pixels: s.n * s.oh * s.ow, phases: 1, flops: 2 * multiplyAdds(s) },
  };
  const { tile, workgroups } = tileOf(product, caps);
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  const half = tile.lane === 4 && context.half;
  const code = conv2dSubgroupForward(epilogue, tile, half);
  if (workgroups[2] > caps.maxWorkgroups) return [];
  const lowering = single(variantOf(s), { label: "conv2d", code, bindings, params: convParams(s), workgroups });
  return [half ? narrowing(lowering, (s.kh * s.kw * s.ci * s.co) / s.groups) : lowering];
}

export function subgroupInputGrad(s: Conv2dShape, epilogue: Epilogue, caps: Capabilities): Lowering[] {
  if (!covers(s, caps)) return [];
  const [sh, sw] = s.stride;
  const pixels = s.n * ceilDiv(s.h, sh) * ceilDiv(s.w, sw);
  const product = {
    ...{ groups: s.groups, columns: s.ci / s.groups, depth: s.co / s.groups },
    ...{ pixels, phases: sh * sw, flops: 2 * multiplyAdds(s) },
  };
  const { tile, workgroups } = tileOf(product, caps);
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  const code = conv2dSubgroupInputGrad(sh === 1 && sw === 1, epilogue, tile);
  if (workgroups[2] > caps.maxWorkgroups) return [];
  return [single(variantOf(s), { label: "conv2d.inputGrad", code, bindings, params: convParams(s), workgroups })];
}

const MIN_SPLIT_PIXELS = 64;

/** The most weight rows of a tile of groups of few channels: a kernel of 3×3 with four of them. */
const MOST_GROUPED_ROWS = 36;

/** Weight rows of a tile, and pixels that a team takes at once. */
function weightGradTile(
  { ci, groups, kh, kw }: Conv2dShape,
  { lane, team, chunk }: { lane: number; team: number; chunk: 1 | 4 },
): { rows: number; pixels: number } {
  const channels = ci / groups;
  if (groups > 1 && channels < 16) {
    // Tiles of equal height over all of the kernel, with as few pixels as keep every lane of the team busy.
    const all = kh * kw * channels;
    const rows = chunk * ceilDiv(all, chunk * ceilDiv(all, MOST_GROUPED_ROWS));
    return { rows, pixels: team / gcd(team, rows / chunk) };
  }
  const rows = lane * team > 64 || (channels % 32 !== 0 && channels % 16 === 0) ? 16 : 32;
  // More at once make the loop outgrow a processor's instruction cache.
  return { rows, pixels: Math.max(chunk === 4 ? 2 : 1, (team * chunk) / rows) };
}

export function subgroupWeightGrad(s: Conv2dShape, caps: Capabilities): Lowering[] {
  if (!covers(s, caps)) return [];
  const label = "conv2d.weightGrad";
  const subgroup = caps.subgroupSize;
  const [ci, co] = [s.ci / s.groups, s.co / s.groups];
  const lane = columnsPerLane(co);
  const team = teamOf(co, lane, subgroup);
  const chunk = ci % 4 ? 1 : 4;
  const { rows, pixels } = weightGradTile(s, { lane, team, chunk });
  const oneTap = ci % rows === 0;
  const rowTiles = ceilDiv(s.kh * s.kw * ci, rows);
  const columnTiles = ceilDiv(co / lane, team) * s.groups;
  // A split takes whole lines of pixels.
  const lines = s.n * s.oh;
  const most = Math.max(1, Math.floor((lines * s.ow) / MIN_SPLIT_PIXELS));
  const wanted = Math.min(most, ceilDiv(enoughWorkgroups(caps), rowTiles * columnTiles));
  const splits = Math.min(wanted, lines);
  if (columnTiles > caps.maxWorkgroups) return [];
  const size = s.kh * s.kw * ci * s.co;
  const product = {
    label,
    code: conv2dSubgroupWeightGrad({ subgroup, team, lane, chunk, rows, pixels, oneTap, grouped: s.groups > 1 }),
    bindings: [input(0), input(1), splits > 1 ? scratch(0) : output(0)],
    params: convParams(s),
    workgroups: [rowTiles, columnTiles, splits] as const,
  };
  if (splits === 1) return [single(variantOf(s), product)];
  const sum = sumPartsDispatch(`${label}.sum`, size, splits, scratch(0), output(0));
  return [{ variant: variantOf(s), scratch: [4 * size * splits], dispatches: [product, sum] }];
}
