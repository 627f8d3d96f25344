/** Prints the images of a training run. */
import type { DataEvent, RunEvent, SideCounts } from "../runs/events.ts";
import { UNLABELLED } from "../data/classes.ts";
import { showNotes, showSkipped } from "./format.ts";
import type { Progress } from "./progress.ts";
import { visibleName } from "./terminal.ts";

/** "28 for training (14 benign, 14 malignant)". */
function describe(side: string, { images, byClass }: SideCounts): string {
  const parts = Object.entries(byClass).map(([name, count]) =>
    name === UNLABELLED ? `${count} without a class` : `${count} ${name}`,
  );
  return `${images} ${side} (${parts.join(", ")})`;
}

function dataLines({ name, how, train, val, test, folds, skipped, notes, splitNotes }: DataEvent): string[] {
  return [
    `Data: ${name}: ${describe("for training", train)}, ${describe("held out", val)}; ${how}`,
    ...(folds > 0 ? [`      and so on: each image is held out by one of ${folds} folds`] : []),
    ...(test ? [`      ${describe("for the test", test)}`] : []),
    ...showSkipped(skipped),
    ...showNotes(notes),
    ...splitNotes.map(visibleName),
  ];
}

/** Prints events about images. @returns whether the event was one */
export function showImageEvent(progress: Progress, event: RunEvent, bar: { begun: boolean }): boolean {
  if (event.type === "preparing") {
    if (!bar.begun) progress.start(event.what === "phantom" ? "drawing the phantom" : "preparing images", event.total);
    bar.begun = true;
    progress.update(event.done);
    return true;
  }
  if (event.type === "data") {
    progress.clear();
    bar.begun = false;
    for (const line of dataLines(event)) console.log(line);
    return true;
  }
  if (event.type !== "external") return false;
  progress.clear();
  bar.begun = false;
  console.log(`External: ${event.name}: ${describe("for the end", event.images)}`);
  for (const line of [...showSkipped(event.skipped), ...showNotes(event.notes)]) console.log(line);
  return true;
}
