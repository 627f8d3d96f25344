/** The classes that a configuration's network tells apart. */
import { benignMalignant, classesOf as classesNamed, type Classes } from "../data/classes.ts";
import type { TrainConfig } from "./config.ts";

/** Benign and malignant where the configuration names none. @throws DataError for names that are no classes */
export const classesOf = ({ classes, positive }: Pick<TrainConfig, "classes" | "positive">): Classes =>
  classes === undefined && positive === undefined
    ? benignMalignant
    : classesNamed(classes ?? benignMalignant.names, positive);
