/** The frames of one loop among a project's images. */
import { frameOf } from "../../src/data/picture-name.ts";
import type { ProjectImage } from "./project.ts";

/** The file that a frame is of; undefined for a picture of its own. */
export const loopOf = ({ file }: Pick<ProjectImage, "file">): string | undefined => frameOf(file)?.file;

/**
 * The frames that are shown of the loop that an image is one of, and its place among them; undefined for other images.
 *
 * @param order indices of the images that are shown
 */
export function framesAt(
  images: readonly ProjectImage[],
  order: readonly number[],
  index: number,
): { of: readonly number[]; at: number } | undefined {
  const loop = loopOf(images[index]!);
  if (loop === undefined) return undefined;
  const of = order.filter((i) => loopOf(images[i]!) === loop);
  return of.length > 1 ? { of, at: of.indexOf(index) } : undefined;
}
