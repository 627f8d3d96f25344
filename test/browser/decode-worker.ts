/** The worker of decode-page.ts: all frames of a file, in grey and as its own numbers. */
import { openPictureFile } from "../../src/web/decode/open-picture-file.ts";

export interface Request {
  id: number;
  bytes: string;
}

export interface DecodedFrame {
  size: object;
  width: number;
  height: number;
  note?: string;
  /** In base 64. */
  grey: string;
  channels: number;
  /** The numbers' type, and their bytes in base 64. */
  kind: string;
  levels: string;
  /** Red, green, blue of 8 bits, in base 64. */
  colours: string;
}

export type Decoded = { frames: readonly number[]; decoded: DecodedFrame[] } | { refused: string; fault: boolean };

const base64 = (array: ArrayBufferView): string => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
};

async function decode(text: string): Promise<Decoded> {
  try {
    const file = await openPictureFile(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
    const decoded: DecodedFrame[] = [];
    for (const frame of file.frames) {
      const { grey, ...shown } = await file.grey(frame);
      const { levels, channels } = await file.levels(frame);
      const { rgb } = await file.colours(frame);
      decoded.push({
        ...shown,
        size: file.size(frame),
        grey: base64(grey),
        channels,
        kind: levels.constructor.name,
        levels: base64(levels),
        colours: base64(rgb),
      });
    }
    return { frames: file.frames, decoded };
  } catch (error) {
    const known = error instanceof Error && error.name === "DataError";
    return { refused: error instanceof Error ? error.message : String(error), fault: !known };
  }
}

onmessage = ({ data: { id, bytes } }: MessageEvent<Request>) =>
  void decode(bytes).then((decoded) => postMessage({ id, decoded }));
