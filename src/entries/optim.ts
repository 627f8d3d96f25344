/**
 * `mganet-webgpu/optim`: optimisers, and the learning rate over a training.
 *
 * @module mganet-webgpu/optim
 */
export { Adam, adamDefaults, AdamW, adamWDefaults, type AdamOptions, type GivenAdamOptions } from "../optim/adam.ts";
export type { CommonOptions, Group, Trained } from "../optim/groups.ts";
export { Optimizer, type Recorded } from "../optim/optimizer.ts";
export {
  constantLR,
  cosineAnnealingLR,
  exponentialLR,
  learningRate,
  linearWarmup,
  stepLR,
  type LearningRateSchedule,
  type Schedule,
} from "../optim/schedule.ts";
export { SGD, sgdDefaults, type SGDOptions } from "../optim/sgd.ts";
