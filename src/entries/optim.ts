/** `mganet-webgpu/optim`: optimisers, and the learning rate over a training. */
export { Adam, adamDefaults, slabsOf, type AdamOptions } from "../optim/adam.ts";
export { learningRate, type Schedule } from "../optim/schedule.ts";
