/** The common interface to image files of any format, frame by frame. */
import type { Sharp } from "sharp";
import type { PictureSize } from "../../data/annotation-frame.ts";
import type { Levels } from "../../data/grey-image.ts";

/** A picture as a sharp image. */
export interface Rendered {
  /** 8-bit colours as viewers show them, transparent pixels black. Damage may surface only when its pixels are read. */
  image: Sharp;
  /** What the user should know about the file. */
  note?: string;
  /** Whether no pixel is visible. Absent if the format has no transparency. */
  invisible?: () => Promise<boolean>;
}

/** The pictures in a file, decoded on demand. */
export interface Pictures {
  /** Frame numbers, from 1; a single picture has one. */
  frames: readonly number[];
  /** @throws DataError without the file's name */
  size(frame: number): Promise<PictureSize> | PictureSize;
  /** @throws DataError without the file's name */
  render(frame: number): Promise<Rendered>;
  /**
   * The file's own numbers, which in a mask may be classes. Absent if they are those of `render`.
   * @throws DataError without the file's name
   */
  levels?(frame: number): Promise<Levels>;
}
