/** The images that are selected in the grid, and what was done with all of them at once. */
import { computed, effect, signal } from "@preact/signals";
import { type Batch, type BatchChange, batchOf, relabelled, takenBack } from "../annotate/batch.ts";
import type { ClassEdit } from "../annotate/classes.ts";
import { say } from "./messages.ts";
import { annotateMany, editClasses, project, shown } from "./project.ts";

/** Indices; some may be hidden by the filter since. */
export const chosen = signal<ReadonlySet<number>>(new Set());
/** Those of them that are shown: nothing is done to others. */
export const chosenShown = computed(() => new Set(shown.value.filter((index) => chosen.value.has(index))));
/** Changes that can be taken back, the newest last. */
export const batches = signal<readonly Batch[]>([]);

const opened = computed(() => project.value?.name);
effect(() => {
  // Another project has other images.
  void opened.value;
  chosen.value = new Set();
  batches.value = [];
});

/** Changes all images that are selected and shown, in one step. */
export function annotateChosen(change: BatchChange): void {
  const batch = batchOf(project.value!, [...chosenShown.value], change);
  if (!batch) return;
  batches.value = [...batches.value, batch];
  annotateMany(new Map(Array.from(batch.before.keys(), (index) => [index, change])));
}

/** Takes the last of these steps back. */
export function undoBatch(): void {
  const last = batches.value.at(-1);
  if (!last) return;
  batches.value = batches.value.slice(0, -1);
  const { changes, kept } = takenBack(project.value!, last);
  annotateMany(changes);
  if (kept > 0) say(`${kept === 1 ? "1 image was" : `${kept} images were`} changed since, and not taken back.`);
}

/** Other classes, for these steps too. */
export async function changeClasses(edit: ClassEdit): Promise<void> {
  const place = await editClasses(edit);
  if (place) batches.value = batches.value.map((batch) => relabelled(batch, place));
}
