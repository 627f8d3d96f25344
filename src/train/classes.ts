/** The classes of a configuration's network. */
import { benignMalignant, classesOf as classesNamed, classKey, type Classes } from "../data/classes.ts";
import type { EarlierRun } from "../models/spec.ts";
import type { TrainConfig } from "./config.ts";

/** Benign and malignant if the configuration names none. @throws DataError for invalid class names */
export const classesOf = ({ classes, positive }: Pick<TrainConfig, "classes" | "positive">): Classes =>
  classes === undefined && positive === undefined
    ? benignMalignant
    : classesNamed(classes ?? benignMalignant.names, positive);

/** Whether a network has the classes of the one that it begins from, so that its last layer fits. */
export const keepsClasses = ({ classes }: Pick<TrainConfig, "classes">, origin: Pick<EarlierRun, "classes">): boolean =>
  (classes ?? benignMalignant.names).map(classKey).join() === origin.classes.map(classKey).join();
