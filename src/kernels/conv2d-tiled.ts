/** The variants of convolution's three passes in workgroup memory (shaders/conv2d_tiled.wgsl.ts). */
import {
  conv2dTiledForward,
  conv2dTiledInputGrad,
  conv2dTiledWeightGrad,
  tapStep,
} from "../../shaders/conv2d_tiled.wgsl.ts";
import { convParams, type Conv2dShape } from "../../shaders/lib/conv.ts";
import { epilogueOperands, noEpilogue, type Epilogue } from "../../shaders/lib/epilogue.ts";
import type { Tile } from "../../shaders/lib/tiled.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv } from "./grid.ts";
import { input, output, scratch, type Lowering, type LoweringContext } from "./kernel.ts";
import { requireLoaded } from "./loaded.ts";
import { finishPartsDispatch } from "./reduce.ts";
import { MAX_WORKGROUPS_Z, tilingOf, type TiledSize } from "./tiled.ts";

/** The fewest channels per group that make a tile worthwhile: below that, most of its columns would be empty. */
const MIN_GROUP_CHANNELS = 8;

const covers = (s: Conv2dShape): boolean => s.groups === 1 || Math.min(s.ci, s.co) >= MIN_GROUP_CHANNELS * s.groups;

interface Pass {
  label: string;
  size: TiledSize;
  /** Shape of the result as [.., channels]: elements in all, and channels. */
  elements: number;
  channels: number;
  epilogue: Epilogue;
  code: (tile: Tile, epilogue: Epilogue) => string;
}

function lowering(s: Conv2dShape, pass: Pass, caps: Capabilities): Lowering[] {
  const { label, size, elements, channels, epilogue, code } = pass;
  const { tile, splits, run, workgroups } = tilingOf(size, caps, caps.maxBindingBytes / (4 * elements));
  if (!covers(s) || workgroups[2] > MAX_WORKGROUPS_Z) return [];
  const more = epilogueOperands(epilogue).map((_, i) => input(2 + i));
  const params = convParams(s, run);
  if (splits === 1) {
    const bindings = [input(0), input(1), ...more, output(0)];
    const product = { label, code: code(tile, epilogue), bindings, params, workgroups };
    return [{ variant: "tiled", scratch: [], dispatches: [product] }];
  }
  // Each split's sum is partial: the epilogue is applied when they are added.
  const bindings = [input(0), input(1), scratch(0)];
  const product = { label, code: code(tile, noEpilogue), bindings, params, workgroups };
  const to = { from: scratch(0), more, to: output(0) };
  const sum = finishPartsDispatch(`${label}.sum`, { count: elements, channels, epilogue }, splits, to);
  return [{ variant: "tiled", scratch: [4 * elements * splits], dispatches: [product, sum] }];
}

export function tiledForward(s: Conv2dShape, epilogue: Epilogue, context: LoweringContext): Lowering[] {
  const rows = s.n * s.oh * s.ow;
  const half = (s.co / s.groups) % 4 === 0 && context.half;
  const pass = {
    label: "conv2d",
    size: { rows, columns: s.co / s.groups, depth: (s.kh * s.kw * s.ci) / s.groups, batch: s.groups },
    elements: rows * s.co,
    channels: s.co,
    epilogue,
    code: (tile: Tile, epilogue: Epilogue) => conv2dTiledForward(s, epilogue, tile, half),
  };
  const found = lowering(s, pass, context.caps);
  if (!half) return found;
  const { narrowing } = requireLoaded("seldom", context);
  return found.map((l) => narrowing(l, (s.kh * s.kw * s.ci * s.co) / s.groups));
}

export function tiledInputGrad(s: Conv2dShape, epilogue: Epilogue, caps: Capabilities): Lowering[] {
  const [sh, sw] = s.stride;
  // Of the phase with the most taps.
  const taps = ceilDiv(s.kh, tapStep(sh, s.dilation[0])) * ceilDiv(s.kw, tapStep(sw, s.dilation[1]));
  const size = {
    rows: s.n * ceilDiv(s.h, sh) * ceilDiv(s.w, sw),
    columns: s.ci / s.groups,
    depth: (taps * s.co) / s.groups,
    batch: sh * sw * s.groups,
  };
  const pass = {
    label: "conv2d.inputGrad",
    size,
    elements: s.n * s.h * s.w * s.ci,
    channels: s.ci,
    epilogue,
    code: (tile: Tile, epilogue: Epilogue) => conv2dTiledInputGrad(s, epilogue, tile),
  };
  return lowering(s, pass, caps);
}

export function tiledWeightGrad(s: Conv2dShape, caps: Capabilities): Lowering[] {
  const rows = (s.kh * s.kw * s.ci) / s.groups;
  const pass = {
    label: "conv2d.weightGrad",
    size: { rows, columns: s.co / s.groups, depth: s.n * s.oh * s.ow, batch: s.groups },
    elements: rows * s.co,
    channels: s.co,
    epilogue: noEpilogue,
    code: (tile: Tile) => conv2dTiledWeightGrad(s, tile),
  };
  return lowering(s, pass, caps);
}
