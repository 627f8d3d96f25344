/** What an image file of any format gives, frame by frame. */
import type { Sharp } from "sharp";
import type { PictureSize } from "../../data/annotation-frame.ts";

/** Numbers as they are in a file, upright, interleaved, row by row. */
export interface Levels {
  width: number;
  height: number;
  /** 1 grey, 2 with alpha, 3 red, green, blue, 4 with alpha. */
  channels: number;
  levels: Uint8Array | Uint16Array | Uint32Array | Float32Array;
}

/** A picture to work on with sharp. */
export interface Rendered {
  /** Colours of 8 bits as viewers show them, transparent pixels black. Damage may show only when its pixels are asked for. */
  image: Sharp;
  /** What was found out about the file, for the user. */
  note?: string;
  /** Whether no pixel is visible. Absent where the format knows no transparency. */
  invisible?: () => Promise<boolean>;
}

/** The pictures in a file. Nothing of them is decoded before it is asked for. */
export interface Pictures {
  /** Numbers of the frames, from 1; a file of one picture has one. */
  frames: readonly number[];
  /** @throws DataError without the file's name */
  size(frame: number): Promise<PictureSize> | PictureSize;
  /** @throws DataError without the file's name */
  render(frame: number): Promise<Rendered>;
  /**
   * The numbers in the file, which in a mask may be classes. Absent where they are those of `render`.
   * @throws DataError without the file's name
   */
  levels?(frame: number): Promise<Levels>;
}
