/** A project's images prepared for a training, as `npm run train` prepares a folder's. */
import { boxesInTissue, cropToTissue, noneUsable } from "../../src/data/crop-image.ts";
import type { GreyImage } from "../../src/data/grey-image.ts";
import { groupOf } from "../../src/data/patient.ts";
import { fingerprint } from "../../src/data/picture-fingerprint.ts";
import { resizeGrey } from "../../src/data/resample.ts";
import { DataError, reasonOf, type Prepared, type Skipped } from "../../src/data/sample.ts";
import type { PrepareOptions } from "../../src/runs/images.ts";
import type { PreparedSet } from "../../src/runs/usable-images.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { giveWay } from "../../src/web/give-way.ts";
import type { Project, ProjectImage } from "./project.ts";

/**
 * @param read the whole picture, in grey
 * @throws DataError if no image is left; the signal's reason
 */
export async function preparedSet(
  project: Project,
  { size: [height, width], crop: method }: Pick<TrainConfig, "size" | "crop">,
  read: (image: ProjectImage) => Promise<GreyImage>,
  { signal, onProgress }: PrepareOptions,
): Promise<PreparedSet> {
  const prepared: Prepared[] = [];
  const skipped: Skipped[] = [];
  const notes: string[] = [];
  for (const [i, image] of project.images.entries()) {
    await giveWay();
    signal?.throwIfAborted();
    try {
      const original = await read(image);
      const { crop } = cropToTissue(original, method, image.cropped);
      const { boxes, note } = boxesInTissue(image, crop, { width, height });
      if (note !== undefined) notes.push(note);
      prepared.push({
        id: image.id,
        group: groupOf(image.patient === "" ? undefined : image.patient, image.id),
        label: image.label ?? undefined,
        ...{ width, height, boxes },
        grey: resizeGrey(original, crop, width, height),
        print: fingerprint(original),
        source: { file: image.id, width: original.width, height: original.height, crop },
        ...(image.empty ? { outline: "none" as const } : {}),
        ...(image.side === null ? {} : { side: image.side }),
      });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      skipped.push({ file: image.id, reason: reasonOf(error) });
    }
    onProgress?.(i + 1, project.images.length);
  }
  if (prepared.length === 0) throw noneUsable(project.name, project.images.length, skipped);
  const bare = project.images.filter(({ boxes, empty }) => boxes.length === 0 && !empty);
  return {
    ...{ name: project.name, classes: project.classes, prepared, skipped, notes },
    unmarked: new Set(bare.map(({ id }) => id)),
  };
}
