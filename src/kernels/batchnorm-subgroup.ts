/**
 * What batch normalisation needs to sum few rows by subgroups, so that `compile` loads it where an adapter has them and the rows are few. It imports no
 * kernels: bundlers would divide the first script in two for what it shared with other modules that are loaded later.
 */
export { batchNormGradSumsSubgroup, batchNormStatisticsSubgroup } from "../../shaders/batch_norm_subgroup.wgsl.ts";
export { perSubgroup } from "./per-subgroup.ts";
