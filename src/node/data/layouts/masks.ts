/** Mask files to boxes. */
import { componentBoxes } from "../../../data/components.ts";
import { type Box, DataError, reasonOf } from "../../../data/sample.ts";
import { decodeMask } from "../decode.ts";
import type { Remarks } from "./collect.ts";

/** A mask may be smaller or larger than its image, but must have its shape: sides that agree within this share. */
const SAME_SHAPE = 0.01;

/**
 * The boxes of the nodules in one or more masks of an image, in pixels of the image: one for each connected component of
 * each mask. A component that several masks have counts once.
 *
 * @param files names and paths of the masks
 * @throws DataError naming the mask that cannot be read, has another shape than the image, or for masks without a nodule
 */
export async function boxesOfMasks(
  files: readonly { name: string; file: string }[],
  { width, height }: { width: number; height: number },
  remarks: Remarks,
): Promise<Box[]> {
  const boxes = new Map<string, Box>();
  for (const { name, file } of files) {
    const mask = await decodeMask(file).catch((error: unknown) => {
      throw new DataError(`its mask ${name} ${reasonOf(error)}`);
    });
    const [sx, sy] = [width / mask.width, height / mask.height];
    if (Math.abs(sx / sy - 1) > SAME_SHAPE) {
      throw new DataError(`its mask ${name} is ${mask.width}x${mask.height}, but the image is ${width}x${height}`);
    }
    if (sx !== 1 || sy !== 1)
      remarks.note(`its mask of ${mask.width}x${mask.height} was brought to ${width}x${height}`);
    const { boxes: found, specks } = componentBoxes(mask.grey, mask.width, mask.height);
    if (specks > 0) remarks.note(`${specks} speck${specks === 1 ? "" : "s"} in ${name}: left out`);
    for (const { x0, y0, x1, y1 } of found) {
      const box = { x0: x0 * sx, y0: y0 * sy, x1: x1 * sx, y1: y1 * sy };
      boxes.set(Object.values(box).join(), box);
    }
  }
  if (boxes.size === 0) throw new DataError("no nodule is marked on it: its mask is empty");
  return [...boxes.values()];
}
