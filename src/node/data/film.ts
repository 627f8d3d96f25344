/** The frames of a GIF or WebP file, which can be decoded only from the first on. */
import sharp, { type Sharp } from "sharp";
import { DataError, reasonOf } from "../../data/sample.ts";

/** Limits on the decoded frames held: bytes, and number of frames. */
const MAX_HELD_BYTES = 2 ** 26;
const MAX_HELD_FRAMES = 32;

/**
 * Serves consecutive frames from batches decoded together: one by one, 300 frames would take 45,000 decodes.
 */
export class Film {
  readonly #open: (options: { page: number; pages: number }) => Sharp;
  readonly #frames: number;
  #last = -1;
  #from = 0;
  #held: { data: Uint8Array; width: number; height: number; count: number } | undefined;

  /** @param open opens frames, counted from 0, stacked vertically */
  constructor(frames: number, open: (options: { page: number; pages: number }) => Sharp) {
    this.#frames = frames;
    this.#open = open;
  }

  /** @param frame from 0. @throws DataError without the file's name */
  async frame(frame: number): Promise<Sharp> {
    const held = this.#held && frame >= this.#from && frame < this.#from + this.#held.count;
    if (!held) {
      const inTurn = this.#held !== undefined && frame === this.#last + 1;
      const size = this.#held ? 3 * this.#held.width * this.#held.height : MAX_HELD_BYTES;
      const pages = inTurn
        ? Math.max(1, Math.min(MAX_HELD_FRAMES, Math.floor(MAX_HELD_BYTES / size), this.#frames - frame))
        : 1;
      this.#held = await this.#decode(frame, pages);
      this.#from = frame;
    }
    this.#last = frame;
    const { data, width, height } = this.#held!;
    const bytes = 3 * width * height;
    const begin = bytes * (frame - this.#from);
    return sharp(data.subarray(begin, begin + bytes), { raw: { width, height, channels: 3 } });
  }

  async #decode(page: number, pages: number) {
    try {
      const image = this.#open({ page, pages }).flatten({ background: "#000000" }).toColourspace("srgb");
      const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
      return { data, width: info.width, height: info.height / pages, count: pages };
    } catch (error) {
      throw new DataError(`is not a readable image: ${reasonOf(error)}`);
    }
  }
}
