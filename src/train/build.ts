/** From a configuration to its network. */
import { Model } from "../models/model.ts";
import { classesOf } from "./classes.ts";
import { specOf, type TrainConfig } from "./config.ts";

/** The network of a configuration with the initial values of its seed. */
export const buildModel = (config: TrainConfig): Model =>
  new Model(specOf(config), config, { classes: classesOf(config).names.length, seed: config.seed });
