/** Converts an image's mask files to boxes and outlines. */
import { annotationFrame, type PictureSize, type Size } from "../annotation-frame.ts";
import { isNormalTissue } from "../classes.ts";
import type { ClassWords } from "../readers/class-words.ts";
import { type Box, DataError, type Label, type Part, reasonOf, type Sample } from "../sample.ts";
import { moved } from "../shape.ts";
import type { Remarks } from "./collect.ts";

/** Parts smaller than this share of the largest one's area may be letters or marks as well as nodules. */
const SMALL_PART_SHARE = 0.05;

/** Where the nodules of an image lie. */
export type Nodules = Pick<Sample, "boxes" | "shape">;

/**
 * The nodules in one or more masks of an image, in pixels of the image as viewers show it: a box for each connected component of
 * each level of each mask, and their pixels. A component in several masks counts once.
 *
 * @param normal whether the image shows normal tissue: its masks must then be empty, and there is no box
 * @param files names and paths of the masks
 * @throws DataError naming the mask that cannot be read, is ambiguous or differs in shape from the image; or for masks without
 *   a nodule
 */
export async function nodulesOfMasks(
  files: readonly { name: string; file: string }[],
  size: PictureSize,
  remarks: Remarks,
  { normal = false }: { normal?: boolean } = {},
): Promise<Nodules> {
  const boxes = new Map<string, Box>();
  const shape: Part[] = [];
  let outlined = true;
  const notes = new Set<string>();
  for (const { name, file } of files) {
    try {
      const { boxes: found, pixels, specks, lines, least, notes: said, ...mask } = await remarks.readMask(file);
      const place = placeOf(mask, size, notes);
      for (const note of said) notes.add(note);
      if (lines > 0) notes.add(`${lines} line${lines === 1 ? "" : "s"} in ${name}, as from a ruler or frame: left out`);
      if (least < SMALL_PART_SHARE) {
        notes.add(
          `a part of its mask is as small as ${(100 * least).toFixed(0)} % of the largest, and counts as a nodule`,
        );
      }
      if (specks > 0) notes.add(`${specks} speck${specks === 1 ? "" : "s"} in ${name}: left out`);
      for (const box of found.map(place)) boxes.set(Object.values(box).join(), box);
      outlined &&= pixels !== undefined;
      for (const part of moved(
        (pixels ?? []).map((runs) => ({ runs })),
        place,
      ))
        shape.push(part);
    } catch (error) {
      if (error instanceof DataError) throw new DataError(`its mask ${name} ${reasonOf(error)}`);
      throw error;
    }
  }
  if (normal && boxes.size > 0) throw new DataError("is of normal tissue, but a nodule is marked on it");
  if (boxes.size === 0 && !normal) throw new DataError("no nodule is marked on it: its mask is empty");
  for (const note of notes) remarks.note(note);
  return { boxes: [...boxes.values()], ...(outlined && shape.length > 0 ? { shape } : {}) };
}

/** Maps a box of the mask to the image: a mask may be smaller or larger, or match the image before rotation. */
export function placeOf(mask: Size, size: PictureSize, notes: Set<string>): (box: Box) => Box {
  try {
    const frame = annotationFrame(size, { width: mask.width, height: mask.height });
    if (frame.note !== undefined) notes.add(frame.note.replace("its annotation was made on", "its mask is"));
    return (box) => frame.place(box);
  } catch {
    throw new DataError(`is ${mask.width}x${mask.height}, but the image is ${size.width}x${size.height}`);
  }
}

/** Whether images of a class show normal tissue, whose masks are empty. */
export const isNormal = (label: Label, { names }: Pick<ClassWords, "names">): boolean =>
  label !== undefined && isNormalTissue(names[label]!);

/** A sample's outline field: normal tissue is known to have none. */
export const outlineOf = (boxes: readonly Box[], normal: boolean): { outline?: "none" } =>
  normal && boxes.length === 0 ? { outline: "none" } : {};
