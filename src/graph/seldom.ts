/** What few graphs need of compiling: `schedule.ts` loads it for those, so that it is no part of what every page loads. */
export { lowerWithin } from "../kernels/parts.ts";
export * from "../kernels/seldom.ts";
export { requireWithinLimits } from "./limits.ts";
export { elideCopies } from "./passes/elide-copies.ts";
export { halfTensors, withHalf } from "./passes/half-precision.ts";
export { recompute } from "./passes/recompute.ts";
export { selectVariants } from "./passes/variant-selection.ts";
