/**
 * Reads a JPEG file's segments and follows its coded pixels to the end (ITU-T T.81). Browsers show a truncated or damaged file with
 * grey where pixels are missing, without a word; the command line refuses it, and so does this.
 */
import { joined } from "../bytes.ts";
import { DataError } from "../sample.ts";
import { exifOrientation } from "./exif.ts";
import { HuffmanTable } from "./jpeg-bits.ts";
import { badJpeg, type Frame, JpegScans, type Scan } from "./jpeg-scans.ts";
import { MAX_PIXELS, tooLarge } from "./limits.ts";

export interface Jpeg {
  width: number;
  height: number;
  /** EXIF orientation, 1 to 8. */
  orientation: number;
  /** The segments that say so, beginning with "Exif". */
  exif: Uint8Array[];
  /** 1 grey, 3 colours. */
  components: number;
  /** An ICC profile. */
  profile: Uint8Array | undefined;
}

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

const [TABLES, START_OF_SCAN, END, RESTARTS, EXIF, PROFILE] = [0xc4, 0xda, 0xd9, 0xdd, 0xe1, 0xe2];
/** Frames that all viewers decode: baseline, extended and progressive, Huffman-coded. */
const [FRAMES, PROGRESSIVE] = [[0xc0, 0xc1, 0xc2], 0xc2];

/** Each scan passes over the whole picture; progressive files have about ten. */
const MAX_SCANS = 100;

/** @throws DataError, without the file's name, for a file that is cut off, damaged, too large or of inks */
export function readJpeg(bytes: Uint8Array): Jpeg {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [frame, scans, passed]: [Frame | undefined, JpegScans | undefined, number] = [undefined, undefined, 0];
  let orientation = 1;
  const exif: Uint8Array[] = [];
  const profile: (Uint8Array | undefined)[] = [];
  const tables = new Map<number, HuffmanTable>();
  let restarts = 0;
  for (let at = 2; ;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 2 > bytes.length) throw badJpeg("it is cut off");
    if (bytes[at] !== 0xff) throw badJpeg("it is damaged");
    const marker = bytes[at + 1]!;
    if (marker === END) break;
    if (at + 4 > bytes.length) throw badJpeg("it is cut off");
    const end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) throw badJpeg("it is cut off");
    const content = bytes.subarray(at + 4, end);
    at = end;
    if (isFrame(marker)) {
      if (frame) throw badJpeg("it has several pictures in one");
      frame = frameOf(content, marker);
      scans = new JpegScans(frame);
    } else if (marker === TABLES) readTables(content, tables);
    else if (marker === RESTARTS) restarts = ((content[0] ?? 0) << 8) | (content[1] ?? 0);
    else if (marker === EXIF && startsWith(content, "Exif\0")) {
      if (exif.length === 0) orientation = exifOrientation(content);
      exif.push(content);
    } else if (marker === PROFILE && startsWith(content, "ICC_PROFILE\0")) profile[content[12]!] = content.subarray(14);
    else if (marker === START_OF_SCAN) {
      if (!scans) throw badJpeg("it is damaged");
      if (++passed > MAX_SCANS) throw badJpeg(`it has more than ${MAX_SCANS} scans`);
      at = scans.follow(bytes, at, { ...scanOf(content), restarts, tables });
    }
  }
  if (!frame || passed === 0) throw badJpeg("it has no pixels");
  const { width, height, components } = frame;
  const parts = profile.filter((part) => part !== undefined);
  const whole = parts.length > 0 ? joined(parts) : undefined;
  return { width, height, orientation, exif, components: components.length, profile: whole };
}

const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![TABLES, 0xc8, 0xcc].includes(marker);

const startsWith = (bytes: Uint8Array, text: string) => Array.from(text).every((c, i) => bytes[i] === c.charCodeAt(0));

/** B.2.2. */
function frameOf(content: Uint8Array, marker: number): Frame {
  const [precision = 0, h1 = 0, h0 = 0, w1 = 0, w0 = 0, count = 0] = content;
  const [width, height] = [(w1 << 8) | w0, (h1 << 8) | h0];
  if (!FRAMES.includes(marker) || precision !== 8) {
    throw badJpeg(`${precision} bits of process ${(marker & 15) + 1} cannot be read; convert it to PNG`);
  }
  if (width === 0 || height === 0) throw badJpeg("it does not say how large it is");
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  if (count === 4) throw new DataError("is a JPEG image of inks (CMYK): convert it to PNG");
  if (!(count === 1 || count === 3) || content.length < 6 + 3 * count) throw badJpeg("its header is damaged");
  const components = Array.from({ length: count }, (_, i) => {
    const [id, factors] = [content[6 + 3 * i]!, content[7 + 3 * i]!];
    return { id, across: factors >> 4, down: factors & 15 };
  });
  if (components.some(({ across, down }) => across < 1 || across > 4 || down < 1 || down > 4)) {
    throw badJpeg("its header is damaged");
  }
  return { width, height, progressive: marker === PROGRESSIVE, components };
}

/** B.2.4.2. */
function readTables(content: Uint8Array, tables: Map<number, HuffmanTable>): void {
  for (let at = 0; at < content.length;) {
    const counts = content.subarray(at + 1, at + 17);
    const symbols = content.subarray(at + 17, at + 17 + counts.reduce((sum, n) => sum + n, 0));
    tables.set(content[at]!, new HuffmanTable(counts, symbols));
    at += 17 + symbols.length;
  }
}

/** B.2.3. */
function scanOf(content: Uint8Array): Pick<Scan, "parts" | "first" | "last" | "refines"> {
  const count = content[0] ?? 0;
  if (count < 1 || content.length < 4 + 2 * count) throw badJpeg("it is damaged");
  const parts = Array.from({ length: count }, (_, i) => {
    const chosen = content[2 + 2 * i]!;
    return { id: content[1 + 2 * i]!, dc: chosen >> 4, ac: 0x10 | (chosen & 15) };
  });
  const [first = 0, last = 0, bits = 0] = content.subarray(1 + 2 * count);
  return { parts, first, last, refines: bits >> 4 > 0 };
}
