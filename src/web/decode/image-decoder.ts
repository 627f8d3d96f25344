/** Frames of GIF and WebP files, and pixels under transparency, from the browser's ImageDecoder (WebCodecs). */
import type { Size } from "../../data/annotation-frame.ts";
import { DataError, reasonOf } from "../../data/sample.ts";

const NAMES = { "image/gif": "GIF", "image/webp": "WebP" };

export const hasImageDecoder = (): boolean => "ImageDecoder" in globalThis;

/** The frames of a file, decoded on demand; one after the other is fastest. */
export class FrameDecoder {
  readonly #bytes: Uint8Array;
  readonly #type: keyof typeof NAMES;
  readonly #size: Size;
  readonly #frames: number;
  #decoder: Promise<ImageDecoder> | undefined;

  /** @param frames the number that the file's header says */
  constructor(bytes: Uint8Array, type: keyof typeof NAMES, size: Size, frames: number) {
    this.#bytes = bytes;
    this.#type = type;
    this.#size = size;
    this.#frames = frames;
  }

  /**
   * @param frame from 1
   * @returns interleaved red, green, blue, alpha
   * @throws DataError without the file's name
   */
  async rgba(frame: number): Promise<Uint8Array> {
    const decoder = await (this.#decoder ??= this.#open());
    let image: VideoFrame;
    try {
      const decoded = await decoder.decode({ frameIndex: frame - 1, completeFramesOnly: true });
      if (!decoded.complete) throw new Error("it is cut off");
      image = decoded.image;
    } catch (error) {
      this.#decoder = undefined;
      decoder.close();
      throw this.#bad(reasonOf(error));
    }
    try {
      const { width, height } = this.#size;
      if (image.codedWidth !== width || image.codedHeight !== height) {
        throw this.#bad(`it is ${image.codedWidth}x${image.codedHeight}, but its header says ${width}x${height}`);
      }
      const pixels = new Uint8Array(4 * width * height);
      const rect = { x: 0, y: 0, width, height };
      await image.copyTo(pixels, { format: "RGBA", rect, layout: [{ offset: 0, stride: 4 * width }] });
      return pixels;
    } finally {
      image.close();
    }
  }

  async #open(): Promise<ImageDecoder> {
    let decoder: ImageDecoder;
    let found: number | undefined;
    try {
      const data = this.#bytes as Uint8Array<ArrayBuffer>;
      decoder = new ImageDecoder({
        data,
        type: this.#type,
        colorSpaceConversion: "none",
        preferAnimation: this.#frames > 1,
      });
      await decoder.completed;
      await decoder.tracks.ready;
      found = decoder.tracks.selectedTrack?.frameCount;
    } catch (error) {
      this.#decoder = undefined;
      throw this.#bad(reasonOf(error));
    }
    if (found === this.#frames) return decoder;
    decoder.close();
    this.#decoder = undefined;
    throw this.#bad(`it has ${found ?? 0} frames, but says ${this.#frames}`);
  }

  #bad(why: string): DataError {
    return new DataError(`is not a readable image: ${NAMES[this.#type]}: ${why}`);
  }
}
