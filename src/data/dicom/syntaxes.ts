/** Transfer syntaxes (PS3.6 annex A): how the data set and the pixels are encoded. */
import type { Encoding } from "./elements.ts";

/** Compression families, one decoder each. */
export type Compression = "rle" | "jpeg" | "jpeg-ls" | "jpeg-2000" | "htj2k";

export interface Syntax extends Encoding {
  deflated?: boolean;
  compression?: Compression;
}

const explicit: Encoding = { explicit: true, littleEndian: true };
const ROOT = "1.2.840.10008.1.2";

export const EXPLICIT_LITTLE_ENDIAN: Syntax = explicit;
export const IMPLICIT_LITTLE_ENDIAN: Syntax = { explicit: false, littleEndian: true };
export const EXPLICIT_BIG_ENDIAN: Syntax = { explicit: true, littleEndian: false };

const compressed = (compression: Compression, ...ends: string[]) =>
  ends.map((end): [string, Syntax] => [`${ROOT}.${end}`, { ...explicit, compression }]);

const READ = new Map<string, Syntax>([
  [ROOT, IMPLICIT_LITTLE_ENDIAN],
  [`${ROOT}.1`, EXPLICIT_LITTLE_ENDIAN],
  [`${ROOT}.1.98`, EXPLICIT_LITTLE_ENDIAN],
  [`${ROOT}.2`, EXPLICIT_BIG_ENDIAN],
  [`${ROOT}.1.99`, { ...explicit, deflated: true }],
  ...compressed("rle", "5"),
  // Baseline, extended, progressive and lossless processes, including the retired ones.
  ...compressed("jpeg", "4.50", "4.51", "4.53", "4.55", "4.57", "4.70"),
  ...compressed("jpeg-ls", "4.80", "4.81"),
  ...compressed("jpeg-2000", "4.90", "4.91"),
  ...compressed("htj2k", "4.201", "4.202", "4.203"),
]);

const REFUSED: [RegExp, string][] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.10[01](\.1)?$/, "MPEG-2 video"],
  [/^1\.2\.840\.10008\.1\.2\.4\.10[2-6](\.1)?$/, "MPEG-4 (H.264) video"],
  [/^1\.2\.840\.10008\.1\.2\.4\.10[78]$/, "HEVC (H.265) video"],
  [/^1\.2\.840\.10008\.1\.2\.4\.11[0-2]$/, "JPEG XL"],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[23]$/, "multi-component JPEG 2000 (part 2)"],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[45]$/, "JPIP, whose pixels are on a server"],
  [/^1\.2\.840\.10008\.1\.2\.4\.20[45]$/, "JPIP, whose pixels are on a server"],
  [/^1\.2\.840\.10008\.1\.2\.4\.(5[2469]|6\d)$/, "a retired JPEG process"],
  [/^1\.2\.840\.10008\.1\.2\.(7|8)\./, "real-time video"],
];

/** How a transfer syntax is read, or why it is refused. */
export function syntaxOf(uid: string): Syntax | { refused: string } {
  const syntax = READ.get(uid);
  if (syntax) return syntax;
  return {
    refused:
      REFUSED.find(([pattern]) => pattern.test(uid))?.[1] ??
      `an unknown transfer syntax, ${JSON.stringify(uid.slice(0, 64))}`,
  };
}
