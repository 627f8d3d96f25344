/** The variants of convolution's three passes for one channel per group (shaders/conv2d_depthwise.wgsl.ts). */
import {
  conv2dDepthwiseForward,
  conv2dDepthwiseInputGrad,
  conv2dDepthwiseWeightGrad,
  PIXELS_PER_THREAD,
} from "../../shaders/conv2d_depthwise.wgsl.ts";
import { convParams, type Conv2dShape } from "../../shaders/lib/conv.ts";
import { epilogueOperands, type Epilogue } from "../../shaders/lib/epilogue.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { isDepthwise } from "./conv2d-pass.ts";
import { ceilDiv } from "./grid.ts";
import { input, output, scratch, type Lowering } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";
import { lanesOf, sumPartsDispatch } from "./reduce.ts";

const variant = "depthwise";

export function depthwiseForward(s: Conv2dShape, epilogue: Epilogue): Lowering[] {
  if (!isDepthwise(s)) return [];
  const lanes = lanesOf(s.co);
  const items = s.n * s.oh * ceilDiv(s.ow, PIXELS_PER_THREAD) * (s.co / lanes);
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  const code = ({ threads }: { threads: number }) => conv2dDepthwiseForward(s, epilogue, threads, lanes);
  return [single(variant, threadDispatch("conv2d", items, bindings, code, convParams(s)))];
}

export function depthwiseInputGrad(s: Conv2dShape, epilogue: Epilogue): Lowering[] {
  if (!isDepthwise(s)) return [];
  const lanes = lanesOf(s.ci);
  const [, sw] = s.stride;
  const items = s.n * s.h * ceilDiv(s.w, PIXELS_PER_THREAD * sw) * sw * (s.ci / lanes);
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  const code = ({ threads }: { threads: number }) => conv2dDepthwiseInputGrad(s, epilogue, threads, lanes);
  return [single(variant, threadDispatch("conv2d.inputGrad", items, bindings, code, convParams(s)))];
}

/** Threads that keep an adapter busy; lines are split until there are that many. */
const enoughThreads = (caps: Capabilities): number => (caps.adapterClass === "software" ? 512 : 16384);

export function depthwiseWeightGrad(s: Conv2dShape, caps: Capabilities): Lowering[] {
  if (!isDepthwise(s)) return [];
  const label = "conv2d.weightGrad";
  const lanes = lanesOf(s.co);
  const each = s.kh * (s.co / lanes);
  const elements = s.kh * s.kw * s.co;
  const lines = s.n * s.oh;
  const most = Math.max(1, Math.floor(caps.maxBindingBytes / (4 * elements)));
  const perSplit = ceilDiv(lines, Math.min(lines, most, ceilDiv(enoughThreads(caps), each)));
  const splits = ceilDiv(lines, perSplit);
  const bindings = [input(0), input(1), splits > 1 ? scratch(0) : output(0)];
  const code = ({ threads }: { threads: number }) => conv2dDepthwiseWeightGrad(s, threads, lanes);
  const product = threadDispatch(label, splits * each, bindings, code, convParams(s, perSplit));
  if (splits === 1) return [single(variant, product)];
  const sum = sumPartsDispatch(`${label}.sum`, elements, splits, scratch(0), output(0));
  return [{ variant, scratch: [4 * elements * splits], dispatches: [product, sum] }];
}
