/** Names the format of a file that cannot be read as an image, so that nobody has to guess. */

/** File signatures, as Latin-1; a dot matches any character. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ["%PDF", "a PDF document"],
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].map(
    (brand) => [`....ftyp${brand}`, "a HEIF image (.heic)"] as const,
  ),
  ["....ftyp", "a video (MP4 or QuickTime)"],
  ["\xff\x0a", "a JPEG XL image"],
  ["\0\0\0\x0cJXL ", "a JPEG XL image"],
  ["\0\0\0\x0cjP  ", "a JPEG 2000 image"],
  ["\xff\x4f\xff\x51", "a JPEG 2000 image"],
  ["RIFF....AVI ", "a video (AVI)"],
  ["\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"],
  ["\0\0\x01\xb3", "a video (MPEG)"],
  ["\0\0\x01\xba", "a video (MPEG)"],
  ["8BPS", "a Photoshop document"],
  ["\0\0\x01\0", "a Windows icon"],
  ["PK\x03\x04", "a ZIP archive"],
  ["\x1f\x8b", "compressed with gzip: unpack it first"],
  ["7z\xbc\xaf", "a 7-Zip archive"],
  ["Rar!", "a RAR archive"],
  ["NRRD", "an NRRD volume"],
  ["\x93NUMPY", "an array of NumPy"],
  ["\x89HDF", "an HDF5 file"],
  ["MATLAB", "a MATLAB file"],
  ["ObjectType =", "a MetaImage volume"],
  ["version https://git-lfs", "a pointer of Git LFS: fetch the file itself"],
];

const beginsWith = (head: string, beginning: string): boolean =>
  Array.from(beginning).every((c, i) => c === "." || c === head[i]);

/** The name of the format, phrased to follow "is"; undefined if unknown. */
export function formatName(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 1024));
  const text = head.replace(/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, "").replaceAll("\0", "");
  if (/^\s*</.test(text)) {
    if (/<svg[\s>:]|DOCTYPE svg/i.test(text)) return "a drawing (SVG), not an image of pixels";
    return "text (XML or HTML)";
  }
  // AVIF is supported; if it fails, the reason is another.
  if (/^....ftypavi[fs]/s.test(head)) return undefined;
  return BEGINNINGS.find(([beginning]) => beginsWith(head, beginning))?.[1];
}
