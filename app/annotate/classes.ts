/** Editing a project's classes. */
import { checkClassNames, type Classes, MIN_CLASSES } from "../../src/data/classes.ts";
import { DataError } from "../../src/data/sample.ts";

/** Classes, and where each label goes: null if its class was deleted. */
export interface ClassEdit {
  readonly classes: Classes;
  readonly places: readonly (number | null)[];
}

const kept = (names: readonly string[]) => names.map((_, i) => i);

/** @throws DataError as `checkClassNames` */
export const renamed = ({ names, positive }: Classes, index: number, name: string): ClassEdit => ({
  classes: { names: checkClassNames(names.map((old, i) => (i === index ? name : old))), positive },
  places: kept(names),
});

/** @throws DataError as `checkClassNames` */
export const added = ({ names, positive }: Classes, name: string): ClassEdit => ({
  classes: { names: checkClassNames([...names, name]), positive },
  places: kept(names),
});

export const positiveIs = ({ names }: Classes, positive: number): ClassEdit => ({
  classes: { names, positive },
  places: kept(names),
});

/** Without a class, whose images then have none. @throws DataError for one of two classes, and for the positive one */
export function deleted({ names, positive }: Classes, index: number): ClassEdit {
  if (names.length === MIN_CLASSES) throw new DataError(`${MIN_CLASSES} classes are needed: rename it instead`);
  if (index === positive) throw new DataError(`${names[index]!} is the positive class: choose another one first`);
  const place = (i: number) => (i === index ? null : i < index ? i : i - 1);
  return {
    classes: { names: names.filter((_, i) => i !== index), positive: place(positive)! },
    places: names.map((_, i) => place(i)),
  };
}
