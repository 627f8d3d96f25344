/** A project's images prepared for a training, as `npm run train` prepares a folder's. */
import { boxesInTissue, cropToTissue, noneUsable } from "../../src/data/crop-image.ts";
import type { GreyImage } from "../../src/data/grey-image.ts";
import { groupOf } from "../../src/data/patient.ts";
import { fingerprint } from "../../src/data/picture-fingerprint.ts";
import { resizeGrey } from "../../src/data/resample.ts";
import { type Box, DataError, reasonOf, type Prepared, type Shape, type Skipped } from "../../src/data/sample.ts";
import { shapeMask } from "../../src/data/shape.ts";
import type { PrepareOptions } from "../../src/runs/images.ts";
import type { PreparedSet } from "../../src/runs/usable-images.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { giveWay } from "../../src/web/give-way.ts";
import type { Project, ProjectImage } from "./project.ts";

/**
 * @param read the whole picture, in grey, and the true outlines that came with it
 * @throws DataError if no image is left; the signal's reason
 */
export async function preparedSet(
  project: Project,
  { size: [height, width], crop: method }: Pick<TrainConfig, "size" | "crop">,
  read: (image: ProjectImage) => Promise<{ grey: GreyImage; shape: Shape | undefined }>,
  { signal, onProgress }: PrepareOptions,
): Promise<PreparedSet> {
  const prepared: Prepared[] = [];
  const skipped: Skipped[] = [];
  const notes: string[] = [];
  for (const [i, image] of project.images.entries()) {
    await giveWay();
    signal?.throwIfAborted();
    try {
      const { grey: original, shape } = await read(image);
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
        ...maskOf(image.outlined && boxes.length > 0 ? shape : undefined, crop, { width, height }),
        ...(image.empty ? { outline: "none" as const } : {}),
        ...(image.side === null ? {} : { side: image.side }),
        ...(image.fold === null ? {} : { fold: image.fold }),
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

/** The mask of the outlines that lie in the tissue; none where none does. */
function maskOf(
  shape: Shape | undefined,
  crop: Box,
  { width, height }: { width: number; height: number },
): Pick<Prepared, "shape"> {
  const mask = shape && shapeMask(shape, crop, width, height);
  return mask?.includes(1) === true ? { shape: mask } : {};
}
