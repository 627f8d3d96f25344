/** The classes of a configuration's network. */
import { benignMalignant, classesOf as classesNamed, type Classes } from "../data/classes.ts";
import type { TrainConfig } from "./config.ts";

/** Benign and malignant if the configuration names none. @throws DataError for invalid class names */
export const classesOf = ({ classes, positive }: Pick<TrainConfig, "classes" | "positive">): Classes =>
  classes === undefined && positive === undefined
    ? benignMalignant
    : classesNamed(classes ?? benignMalignant.names, positive);
