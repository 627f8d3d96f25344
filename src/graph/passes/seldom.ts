/** What few plans need of compiling: `schedule.ts` loads it for those, so that it is no part of what every page loads. */
export { lowerWithin } from "../../kernels/parts.ts";
export { requireWithinLimits } from "../limits.ts";
export { elideCopies } from "./elide-copies.ts";
export { halfTensors, withHalf } from "./half-precision.ts";
export { recompute } from "./recompute.ts";
export { selectVariants } from "./variant-selection.ts";
