/**
 * Which variants of a convolution a plan considers, the likely fastest first, for adapters without a tuning record. On software adapters their
 * durations are estimated (conv2d-software.ts); on GPUs the order is a guess that the tuner corrects.
 */
import { multiplyAdds, type Conv2dShape } from "../../shaders/lib/conv.ts";
import { isDepthwise, tileSizeOf, tilesOf, winogradCovers, winogradTiles, type Pass } from "./conv2d-pass.ts";
import type { Lowering, LoweringContext, KernelModule } from "./kernel.ts";
import { loadedOf, requireLoaded } from "./loaded.ts";

/** Multiply-adds in the time a GPU takes to move one float, both as kernels reach in practice. A guess, not measured. */
const MULTIPLY_ADDS_PER_FLOAT = 50;
/** Time of a multiply-add by subgroups relative to one in workgroup memory: fewer results per load. Also a guess. */
const SUBGROUP_TIME_RATIO = 2;

/** Time that a variant takes on a GPU, in multiply-adds. */
function onGpu(pass: Pass, s: Conv2dShape, variant: string, { frozen }: LoweringContext): number {
  const tile = tileSizeOf(variant);
  if (tile === undefined) return multiplyAdds(s) * (variant === "tiled" ? 1 : SUBGROUP_TIME_RATIO);
  const tiles = tilesOf({ n: s.n, h: s.oh, w: s.ow }, tile).count;
  const pairs = s.ci * s.co;
  // What is transformed is written once and read once.
  const floats = tile * tile * (2 * tiles * (s.ci + s.co) + (frozen && pass === "forward" ? pairs : 2 * pairs));
  return tile * tile * tiles * pairs + MULTIPLY_ADDS_PER_FLOAT * floats;
}

/**
 * The modules of variants that a plan may choose besides the one in workgroup memory. On a GPU that one comes before all others of a single
 * group of several channels, except where Winograd's method is expected to be faster; only measurements can change that. Operands `inParts` have to be laid out, and weights in half precision narrowed.
 */
export function modulesFor(pass: Pass, s: Conv2dShape, context: LoweringContext, inParts: boolean): KernelModule[] {
  const software = context.caps.adapterClass === "software";
  const faster = (variant: string) => onGpu(pass, s, variant, context) < onGpu(pass, s, "tiled", context);
  const winograd = winogradCovers(s) && (software || Object.keys(winogradTiles).some(faster));
  return [
    ...(software || s.groups > 1 || isDepthwise(s) || inParts || context.half ? ["seldom" as const] : []),
    ...(winograd ? ["winograd" as const] : []),
  ];
}

/** The modules of variants that are loaded. @throws Error without one that is needed */
export function variantsFor(pass: Pass, s: Conv2dShape, context: LoweringContext, inParts: boolean) {
  for (const name of modulesFor(pass, s, context, inParts)) requireLoaded(name, context);
  return { seldom: loadedOf("seldom", context), winograd: loadedOf("winograd", context) };
}

/** The variants, lowest estimate first; depthwise ones, which waste no work, before all others. */
export function fastestFirst(
  pass: Pass,
  s: Conv2dShape,
  context: LoweringContext,
  variants: readonly Lowering[],
): Lowering[] {
  const onSoftware =
    context.caps.adapterClass === "software" && requireLoaded("seldom", context).microsecondsOnSoftware;
  const estimate = ({ variant }: Lowering): number => {
    if (variant === "depthwise") return 0;
    return onSoftware ? onSoftware(pass, s, variant, context) : onGpu(pass, s, variant, context);
  };
  const estimated = variants.map((variant) => ({ variant, estimate: estimate(variant) }));
  estimated.sort((a, b) => a.estimate - b.estimate);
  // Others use the estimate only where compiling takes long.
  return estimated.map(({ variant, estimate }) => (onSoftware ? { ...variant, estimate } : variant));
}
