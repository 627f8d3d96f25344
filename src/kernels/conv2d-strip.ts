/** The variant of convolution for few result channels (shaders/conv2d_strip.wgsl.ts), forward and input gradient. */
import {
  beyondLast,
  conv2dStrip,
  conv2dStripWeightGrad,
  stripFields,
  stripGradFields,
} from "../../shaders/conv2d_strip.wgsl.ts";
import { epilogueOperands, type Epilogue } from "../../shaders/lib/epilogue.ts";
import { multiplyAdds, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv, grid1d } from "./grid.ts";
import { input, output, scratch, type Lowering, type LoweringContext } from "./kernel.ts";
import { single } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";
import { columnsPerLane, enoughWorkgroups, TALL_TILE_FLOPS } from "./tile.ts";

/** The most result channels: more would need more registers than there are. */
const MAX_CHANNELS = 16;
const MAX_GRAD_CHANNELS = 8;
/** The most kernel rows for which the loop stays short enough. */
const MAX_KERNEL_ROWS = 3;

const covers = (s: Conv2dShape): boolean =>
  [...s.stride, ...s.dilation, s.groups].every((v) => v === 1) && s.kh <= MAX_KERNEL_ROWS;

interface Image {
  h: number;
  w: number;
  c: number;
}

interface Pass {
  label: string;
  from: Image;
  to: Image;
  padding: readonly [number, number];
  turned: boolean;
  epilogue: Epilogue;
}

function strip(s: Conv2dShape, { label, from, to, padding, turned, epilogue }: Pass, caps: Capabilities): Lowering[] {
  const { subgroupSize: subgroup } = caps;
  const [ph, pw] = padding;
  if (subgroup === undefined || !covers(s) || to.c > MAX_CHANNELS || ph < 0 || pw < 0) return [];
  if (s.kw > 1 && beyondLast(s.kw) > subgroup) return [];
  const lane = columnsPerLane(to.c);
  const quads = to.c / lane;
  // Twice the rows take twice as long to compile; in the forward pass they also take more registers for the broadcast weights,
  // which is slower.
  const tall = 2 * multiplyAdds(s) >= TALL_TILE_FLOPS && (quads <= 2 || turned);
  const rows = tall ? 8 : 4;
  const chunk = from.c % 4 ? 1 : 4;
  const values = { n: s.n, h: from.h, w: from.w, c: from.c, oh: to.h, ow: to.w, ph, pw };
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  return [
    single("strip", {
      label,
      code: conv2dStrip({ subgroup, rows, lane, quads, chunk, kh: s.kh, kw: s.kw, turned, epilogue }),
      bindings,
      params: stripFields.map((name) => values[name]),
      workgroups: grid1d(s.n * ceilDiv(to.h, rows) * ceilDiv(to.w, subgroup)),
    }),
  ];
}

export function stripForward(s: Conv2dShape, epilogue: Epilogue, { caps }: LoweringContext): Lowering[] {
  const from = { h: s.h, w: s.w, c: s.ci };
  const to = { h: s.oh, w: s.ow, c: s.co };
  return strip(s, { label: "conv2d", from, to, padding: s.padding, turned: false, epilogue }, caps);
}

export function stripInputGrad(s: Conv2dShape, epilogue: Epilogue, caps: Capabilities): Lowering[] {
  const from = { h: s.oh, w: s.ow, c: s.co };
  const to = { h: s.h, w: s.w, c: s.ci };
  const padding = [s.kh - 1 - s.padding[0], s.kw - 1 - s.padding[1]] as const;
  return strip(s, { label: "conv2d.inputGrad", from, to, padding, turned: true, epilogue }, caps);
}

/** Rows of a strip, where there are that many. */
const STRIP_ROWS = 32;

export function stripWeightGrad(s: Conv2dShape, caps: Capabilities): Lowering[] {
  const { subgroupSize: subgroup } = caps;
  if (subgroup === undefined || !covers(s) || s.co > MAX_GRAD_CHANNELS) return [];
  const label = "conv2d.weightGrad";
  const lane = columnsPerLane(s.co);
  const quads = s.co / lane;
  const chunk = s.ci % 4 ? 1 : 4;
  const strips = ceilDiv(s.oh, STRIP_ROWS);
  const rows = ceilDiv(s.oh, strips);
  const items = s.n * strips * s.ow;
  const groups = (s.kw * s.ci) / chunk;
  const wanted = Math.min(ceilDiv(enoughWorkgroups(caps), groups), ceilDiv(items, subgroup));
  const run = ceilDiv(items, wanted);
  const splits = ceilDiv(items, run);
  const [ph, pw] = s.padding;
  const values = { n: s.n, h: s.h, w: s.w, c: s.ci, oh: s.oh, ow: s.ow, ph, pw, rows, run };
  const product = {
    label,
    code: conv2dStripWeightGrad({ subgroup, lane, quads, chunk, kh: s.kh, kw: s.kw }),
    bindings: [input(0), input(1), splits > 1 ? scratch(0) : output(0)],
    params: stripGradFields.map((name) => values[name]),
    workgroups: [groups, splits, 1] as const,
  };
  if (splits === 1) return [single("strip", product)];
  const size = s.kh * s.kw * s.ci * s.co;
  const sum = sumPartsDispatch(`${label}.sum`, size, splits, scratch(0), output(0));
  return [{ variant: "strip", scratch: [4 * size * splits], dispatches: [product, sum] }];
}
