/** Builds a configuration's network. */
import { Model } from "../models/model.ts";
import { classesOf } from "./classes.ts";
import { specOf, type TrainConfig } from "./config.ts";

/** The network of a configuration, initialised from its seed. */
export const buildModel = (config: TrainConfig): Model =>
  new Model(specOf(config), config, { classes: classesOf(config).names.length, seed: config.seed });
