/** The variants of convolution's three passes in workgroup memory (shaders/conv2d_tiled.wgsl.ts). */
import {
  conv2dTiledForward,
  conv2dTiledInputGrad,
  conv2dTiledWeightGrad,
  tapStep,
} from "../../shaders/conv2d_tiled.wgsl.ts";
import { convParams, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { Tile } from "../../shaders/lib/tiled.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv } from "./grid.ts";
import { input, output, scratch, type Lowering, type OperandRef } from "./kernel.ts";
import { sumPartsDispatch } from "./reduce.ts";
import { MOST_ALONG_Z, tilingOf, type TiledSize } from "./tiled.ts";

interface Pass {
  label: string;
  size: TiledSize;
  /** Elements of the result. */
  elements: number;
  inputs: readonly OperandRef[];
  code: (tile: Tile) => string;
}

function lowering(s: Conv2dShape, { label, size, elements, inputs, code }: Pass, caps: Capabilities): Lowering[] {
  const { tile, splits, run, workgroups } = tilingOf(size, caps, caps.maxBindingBytes / (4 * elements));
  if (workgroups[2] > MOST_ALONG_Z) return [];
  const bindings = [...inputs, splits > 1 ? scratch(0) : output(0)];
  const product = { label, code: code(tile), bindings, params: convParams(s, run), workgroups };
  if (splits === 1) return [{ variant: "tiled", scratch: [], dispatches: [product] }];
  const sum = sumPartsDispatch(`${label}.sum`, elements, splits, scratch(0), output(0));
  return [{ variant: "tiled", scratch: [4 * elements * splits], dispatches: [product, sum] }];
}

export function tiledForward(s: Conv2dShape, bias: boolean, caps: Capabilities): Lowering[] {
  const rows = s.n * s.oh * s.ow;
  const pass = {
    label: "conv2d",
    size: { rows, columns: s.co / s.groups, depth: (s.kh * s.kw * s.ci) / s.groups, batch: s.groups },
    elements: rows * s.co,
    inputs: [input(0), input(1), ...(bias ? [input(2)] : [])],
    code: (tile: Tile) => conv2dTiledForward(s, bias, tile),
  };
  return lowering(s, pass, caps);
}

export function tiledInputGrad(s: Conv2dShape, caps: Capabilities): Lowering[] {
  const [sh, sw] = s.stride;
  const taps = ceilDiv(s.kh, tapStep(sh, s.dilation[0])) * ceilDiv(s.kw, tapStep(sw, s.dilation[1]));
  const size = {
    rows: s.n * ceilDiv(s.h, sh) * ceilDiv(s.w, sw),
    columns: s.ci / s.groups,
    // Of the phase with the most taps.
    depth: (taps * s.co) / s.groups,
    batch: sh * sw * s.groups,
  };
  const pass = {
    label: "conv2d.inputGrad",
    size,
    elements: s.n * s.h * s.w * s.ci,
    inputs: [input(0), input(1)],
    code: (tile: Tile) => conv2dTiledInputGrad(s, tile),
  };
  return lowering(s, pass, caps);
}

export function tiledWeightGrad(s: Conv2dShape, caps: Capabilities): Lowering[] {
  const rows = (s.kh * s.kw * s.ci) / s.groups;
  const pass = {
    label: "conv2d.weightGrad",
    size: { rows, columns: s.co / s.groups, depth: s.n * s.oh * s.ow, batch: s.groups },
    elements: rows * s.co,
    inputs: [input(0), input(1)],
    code: (tile: Tile) => conv2dTiledWeightGrad(s, tile),
  };
  return lowering(s, pass, caps);
}
