/** The classes of a project among those of a model. */
import { classKey, type Classes } from "../../src/data/classes.ts";

/** For each class of a project its index among the model's; undefined where the model has no such class. */
export const sharedClasses = (own: Classes, model: Classes): (number | undefined)[] =>
  own.names.map((name) => {
    const at = model.names.findIndex((other) => classKey(other) === classKey(name));
    return at === -1 ? undefined : at;
  });
