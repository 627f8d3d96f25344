/** Reads the masks of true outlines that a manifest names beside boxes. */
import type { PictureSize } from "../annotation-frame.ts";
import { components, runsOf, withoutSpecks } from "../components.ts";
import { fieldOf, type MaskPixels } from "../masks/field.ts";
import { DataError, reasonOf } from "../sample.ts";
import { moved } from "../shape.ts";
import type { SetFiles } from "./layout.ts";
import { type Nodules, placeOf } from "./masks.ts";

/**
 * The nodules in masks that are white inside and black outside. Unlike other masks, nothing is interpreted: all that is white
 * counts, up to the last pixel.
 *
 * @param files names and paths of the masks
 * @throws DataError naming the mask that cannot be read, has other levels, marks nothing or differs in shape from the image
 */
export async function nodulesOfOutlines(
  set: Pick<SetFiles, "decodeMask">,
  files: readonly { name: string; file: string }[],
  size: PictureSize,
  remarks: { note(text: string): void },
): Promise<Required<Nodules>> {
  const found: Required<Nodules> = { boxes: [], shape: [] };
  const notes = new Set<string>();
  for (const { name, file } of files) {
    try {
      const mask = litPixels(await set.decodeMask(file));
      const place = placeOf(mask, size, notes);
      const all = components(mask.lit, mask.width, mask.height);
      found.boxes.push(...withoutSpecks(all).kept.map(({ box }) => place(box)));
      found.shape = [...found.shape, ...moved([{ runs: runsOf(all) }], place)];
    } catch (error) {
      if (error instanceof DataError) throw new DataError(`its outline ${name} ${reasonOf(error)}`);
      throw error;
    }
  }
  for (const note of notes) remarks.note(note.replace("its mask is", "its outline is"));
  return found;
}

/** The pixels that are white, 1 each. @throws DataError */
function litPixels(mask: MaskPixels): { lit: Uint8Array; width: number; height: number } {
  const { field } = fieldOf(mask);
  const { width, height, codes, values } = field;
  const bright = values.map((value) => value.reduce((sum, level) => sum + level, 0));
  if (values.length > 2) throw new DataError(`has ${values.length} levels: it must be black outside and white inside`);
  const white = bright.indexOf(Math.max(...bright));
  if (bright[white] === 0) throw new DataError("is black everywhere: it marks nothing");
  if (values.length === 2 && bright[1 - white] !== 0) throw new DataError("is not black outside");
  return { lit: Uint8Array.from(codes, (code) => (code === white ? 1 : 0)), width, height };
}
