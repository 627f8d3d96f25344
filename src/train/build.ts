/** Builds a configuration's network. */
import { benignMalignant } from "../data/classes.ts";
import { Model } from "../models/model.ts";
import { specOf, type TrainConfig } from "./config.ts";

/** The network of a configuration, initialised from its seed. */
export const buildModel = (config: TrainConfig): Model =>
  new Model(specOf(config), config, {
    // The positive class does not shape it, and may be a data set's own, which is not known before the set is read.
    classes: (config.classes ?? benignMalignant.names).length,
    seed: config.seed,
  });
