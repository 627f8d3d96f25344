/** Warnings about split sides that lack a class, issued before hours are spent on them. */
import { benignMalignant } from "./classes.ts";
import type { Classes, Label } from "./sample.ts";

/** One line per problem with the two sides of a split that a classifier is to be trained on. */
export function classNotes(
  train: readonly { label: Label }[],
  heldOut: readonly { label: Label }[],
  classes: Classes = benignMalignant,
): string[] {
  const { names } = classes;
  const missing = (images: readonly { label: Label }[]) =>
    names.filter((_, label) => !images.some((image) => image.label === label));
  const notes: string[] = [];
  const lacking = missing(train);
  if (lacking.length === names.length - 1) {
    notes.push(
      `No training image is ${list(lacking)}: a classifier that has seen only one class predicts it for every image`,
    );
  } else if (lacking.length > 0 && lacking.length < names.length) {
    notes.push(
      `No training image is ${list(lacking)}: the classifier will not predict ${lacking.length > 1 ? "them" : "it"}`,
    );
  }
  const unseen = missing(heldOut);
  if (unseen.length > 0) {
    const what = unseen.length === names.length ? "has a class" : `is ${list(unseen)}`;
    notes.push(`No held-out image ${what}: F1 and AUC say nothing there, and the best epoch is chosen by the loss`);
  }
  return notes;
}

const list = (names: readonly string[]): string =>
  names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} or ${names.at(-1)!}`;
