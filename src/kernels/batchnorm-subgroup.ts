/**
 * What batch normalisation needs to sum few rows by subgroups, so that `compile` loads it where an adapter has them and the rows are few. Shaders alone:
 * bundlers would divide the first script in two for what else of it this imported.
 */
export { batchNormGradSumsSubgroup, batchNormStatisticsSubgroup } from "../../shaders/batch_norm_subgroup.wgsl.ts";
