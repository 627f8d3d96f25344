/** What is to be said of sides that lack a class, before hours are spent on them. */
import type { Label } from "./sample.ts";

const names = ["benign", "malignant"] as const;

/** Lines for the two sides of a split whose classifier is going to be trained. */
export function classNotes(train: readonly { label: Label }[], heldOut: readonly { label: Label }[]): string[] {
  const notes: string[] = [];
  const lacking = missing(train);
  if (lacking.length === 1) {
    notes.push(`No training image is ${lacking[0]}: a classifier that has seen one class only calls everything by it`);
  }
  const unseen = missing(heldOut);
  if (unseen.length > 0) {
    const what = unseen.length === 2 ? "has a class" : `is ${unseen[0]}`;
    notes.push(`No held-out image ${what}: F1 and AUC say nothing there, and the best epoch is chosen by the loss`);
  }
  return notes;
}

const missing = (images: readonly { label: Label }[]): string[] =>
  names.filter((_, label) => !images.some((image) => image.label === label));
