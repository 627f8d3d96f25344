/** The variant of convolution for few result channels, in each group, at stride 1 (shaders/conv2d_strip.wgsl.ts). */
import { beyondLast, conv2dStrip, stripFieldsOf } from "../../shaders/conv2d_strip.wgsl.ts";
import { conv2dStripWeightGrad, stripGradFieldsOf } from "../../shaders/conv2d_strip_weight_grad.wgsl.ts";
import { epilogueOperands, type Epilogue } from "../../shaders/lib/epilogue.ts";
import { multiplyAdds, type Conv2dShape } from "../../shaders/lib/conv.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv, grid1d } from "./grid.ts";
import { input, output, scratch, type Lowering, type LoweringContext } from "./kernel.ts";
import { single } from "./per-thread.ts";
import { sumPartsDispatch } from "./reduce.ts";
import { columnsPerLane, enoughWorkgroups, TALL_TILE_FLOPS } from "./tile.ts";

/** The most result channels of a group: more would need more registers than there are. */
const MAX_CHANNELS = 16;
const MAX_GRAD_CHANNELS = 8;
/** The fewest channels of a group, where there are several. */
const MIN_GROUP_CHANNELS = 2;
/** The most kernel rows for which the loop stays short enough. */
const MAX_KERNEL_ROWS = 3;

const covers = (s: Conv2dShape): boolean =>
  [...s.stride, ...s.dilation].every((v) => v === 1) &&
  s.kh <= MAX_KERNEL_ROWS &&
  (s.groups === 1 || Math.min(s.ci, s.co) >= MIN_GROUP_CHANNELS * s.groups);

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
  const { groups } = s;
  const channels = to.c / groups;
  if (subgroup === undefined || !covers(s) || channels > MAX_CHANNELS || ph < 0 || pw < 0) return [];
  if ((s.kw > 1 && beyondLast(s.kw) > subgroup) || groups > caps.maxWorkgroups) return [];
  const lane = columnsPerLane(channels);
  const quads = channels / lane;
  // Twice the rows take twice as long to compile; in the forward pass they also take more registers for the broadcast weights,
  // which is slower.
  const tall = 2 * multiplyAdds(s) >= TALL_TILE_FLOPS && (quads <= 2 || turned);
  const rows = tall ? 8 : 4;
  const chunk = (from.c / groups) % 4 ? 1 : 4;
  const grouped = groups > 1;
  const values = { n: s.n, h: from.h, w: from.w, c: from.c, oh: to.h, ow: to.w, ph, pw, groups };
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  const [x, y] = grid1d(s.n * ceilDiv(to.h, rows) * ceilDiv(to.w, subgroup));
  return [
    single("strip", {
      label,
      code: conv2dStrip({ subgroup, rows, lane, quads, chunk, kh: s.kh, kw: s.kw, turned, grouped, epilogue }),
      bindings,
      params: stripFieldsOf(grouped).map((name) => values[name]),
      workgroups: [x, y, groups],
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
  if (subgroup === undefined || !covers(s) || s.co > MAX_GRAD_CHANNELS * s.groups) return [];
  const label = "conv2d.weightGrad";
  const lane = columnsPerLane(s.co / s.groups);
  const quads = s.co / s.groups / lane;
  const chunk = (s.ci / s.groups) % 4 ? 1 : 4;
  const grouped = s.groups > 1;
  const strips = ceilDiv(s.oh, STRIP_ROWS);
  const rows = ceilDiv(s.oh, strips);
  const items = s.n * strips * s.ow;
  const columns = (s.kw * s.ci) / chunk;
  if (columns > caps.maxWorkgroups) return [];
  const wanted = Math.min(ceilDiv(enoughWorkgroups(caps), columns), ceilDiv(items, subgroup));
  const run = ceilDiv(items, wanted);
  const splits = ceilDiv(items, run);
  const [ph, pw] = s.padding;
  const values = { n: s.n, h: s.h, w: s.w, c: s.ci, oh: s.oh, ow: s.ow, ph, pw, rows, run, groups: s.groups };
  const product = {
    label,
    code: conv2dStripWeightGrad({ subgroup, lane, quads, chunk, kh: s.kh, kw: s.kw, grouped }),
    bindings: [input(0), input(1), splits > 1 ? scratch(0) : output(0)],
    params: stripGradFieldsOf(grouped).map((name) => values[name]),
    workgroups: [columns, splits, 1] as const,
  };
  if (splits === 1) return [single("strip", product)];
  const size = (s.kh * s.kw * s.ci * s.co) / s.groups;
  const sum = sumPartsDispatch(`${label}.sum`, size, splits, scratch(0), output(0));
  return [{ variant: "strip", scratch: [4 * size * splits], dispatches: [product, sum] }];
}
