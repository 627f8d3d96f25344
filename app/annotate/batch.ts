/** One change of many images at once, with undo. */
import type { Annotation, Project } from "../project/project.ts";

/** What can be set of many images. */
export type BatchChange = Partial<Pick<Annotation, "label" | "patient" | "side">>;

/** A change that was made, and what it replaced. */
export interface Batch {
  readonly change: BatchChange;
  /** By image. */
  readonly before: ReadonlyMap<number, BatchChange>;
}

type Images = Pick<Project, "images">;
const keysOf = (change: BatchChange) => Object.keys(change) as (keyof BatchChange)[];

/** The change as one step; undefined if no image would be another. */
export function batchOf({ images }: Images, indices: readonly number[], change: BatchChange): Batch | undefined {
  const before = new Map<number, BatchChange>();
  for (const i of indices) {
    const image = images[i]!;
    if (keysOf(change).every((key) => image[key] === change[key])) continue;
    before.set(i, Object.fromEntries(keysOf(change).map((key) => [key, image[key]])));
  }
  return before.size > 0 ? { change, before } : undefined;
}

/** What takes a batch back. Images whose value has been changed since are left alone, and counted. */
export function takenBack(
  { images }: Images,
  { change, before }: Batch,
): { changes: Map<number, BatchChange>; kept: number } {
  const same = [...before].filter(([i]) => keysOf(change).every((key) => images[i]![key] === change[key]));
  return { changes: new Map(same), kept: before.size - same.length };
}

/** The batch after classes were moved or deleted. */
export function relabelled({ change, before }: Batch, place: (label: number | null) => number | null): Batch {
  const moved = (of: BatchChange): BatchChange => (of.label === undefined ? of : { ...of, label: place(of.label) });
  return { change: moved(change), before: new Map(Array.from(before, ([i, of]) => [i, moved(of)])) };
}
