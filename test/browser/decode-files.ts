/** Picture files of all formats for the comparison of the browser with the command line, and files that both refuse. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { stream } from "../../src/data/random.ts";
import { anyDamages } from "../node/data/damages.ts";
import { dicom, openCodecs } from "../node/data/dicom-files.ts";
import { encode, ultrasound } from "../node/data/images.ts";
import { tiff } from "../node/data/tiff-files.ts";

export type Files = [name: string, bytes: Uint8Array][];

const cases = fileURLToPath(new URL("../cases/", import.meta.url));
const caseFile = (name: string): Files[number] => [name, readFileSync(`${cases}${name}`)];

const [width, height] = [320, 240];
const picture = ultrasound(3);
const pixels = width * height;
const coloured = (channels: 1 | 2 | 3 | 4, seed = 7) =>
  sharp(
    Uint8Array.from({ length: channels * pixels }, (_, i) => {
      const [pixel, c] = [Math.floor(i / channels), i % channels];
      // Alpha takes all levels, 0 and 255 for long.
      if (channels % 2 === 0 && c === channels - 1) return Math.min(255, Math.max(0, (pixel % 400) - 70));
      return c === 0 ? picture.grey[pixel]! : (pixel * (c + seed)) % 251;
    }),
    { raw: { width, height, channels } },
  );
/** Colours of which each pixel is seen whole or not at all. */
const holed = () =>
  sharp(
    Uint8Array.from({ length: 4 * pixels }, (_, i) => (i % 4 < 3 ? i % 251 : (i >> 2) % 9 === 0 ? 0 : 255)),
    { raw: { width, height, channels: 4 } },
  );
const wide = (channels: 1 | 2 | 3 | 4, most: number) =>
  sharp(
    Uint16Array.from({ length: channels * pixels }, (_, i) =>
      Math.round((picture.grey[Math.floor(i / channels)]! * most) / 255),
    ),
    { raw: { width, height, channels } },
  ).toColourspace(channels < 3 ? "grey16" : "rgb16");
const grey = () => encode(picture).toColourspace("b-w");
/** Of a size that is no multiple of a block. */
const odd = (image: Sharp) => image.extract({ left: 40, top: 30, width: 117, height: 83 });
const scenes = [1, 2, 3, 4].map((seed) => ultrasound(seed).grey);
const film = (channels: 1 | 3) =>
  sharp(
    Buffer.concat(
      scenes.map((scene) => Uint8Array.from({ length: channels * pixels }, (_, i) => scene[Math.floor(i / channels)]!)),
    ),
    { raw: { width, height: 4 * height, channels, pageHeight: height } },
  );

async function all(images: Record<string, Sharp>): Promise<Files> {
  return Promise.all(Object.entries(images).map(async ([name, image]) => [name, await image.toBuffer()] as const));
}

/** Of formats without loss, decoded by the project's own code or exactly by the browser. */
export const exact = (): Promise<Files> =>
  all({
    "grey.png": grey().png(),
    "interlaced.png": odd(grey()).png({ progressive: true }),
    "colours.png": coloured(3).png(),
    "palette.png": coloured(3).png({ palette: true, colours: 200, dither: 0 }),
    "palette with alpha.png": coloured(4).png({ palette: true, colours: 16, dither: 0 }),
    "two colours.png": grey().threshold(60).png({ palette: true, colours: 2 }),
    "grey and alpha.png": coloured(2).png(),
    "colours and alpha.png": odd(coloured(4)).png({ progressive: true }),
    "turned.png": coloured(3).png().withMetadata({ orientation: 5 }).withIccProfile("srgb", { attach: false }),
    "16 bits.png": wide(1, 65535).png(),
    "12 bits in 16.png": wide(1, 4095).png(),
    "16 bits, alpha.png": wide(2, 65535).png(),
    "16 bits, colours.png": wide(3, 65535).png({ progressive: true }),
    "16 bits, colours, alpha.png": wide(4, 65535).png(),
    "lossless.webp": coloured(3).webp({ lossless: true }),
    "lossless, holes.webp": holed().webp({ lossless: true }),
    "film.webp": film(3).webp({ lossless: true }),
    "one.gif": coloured(3).gif(),
    "alpha.gif": coloured(4).gif(),
    "film.gif": film(1).gif({ dither: 0 }),
    "lzw.tif": coloured(3).tiff({ compression: "lzw" }),
    "deflate.tif": coloured(4).tiff({ compression: "deflate", predictor: "horizontal" }),
    "packbits.tif": odd(grey()).tiff({ compression: "packbits" }),
    "tiles.tif": coloured(3).tiff({ compression: "lzw", tile: true, tileWidth: 64, tileHeight: 48 }),
    "big.tif": grey().tiff({ compression: "none", bigtiff: true }),
    "1 bit.tif": grey().threshold(60).tiff({ compression: "none", bitdepth: 1 }),
    "16 bits.tif": wide(1, 65535).tiff({ compression: "lzw" }),
    "14 bits.tif": wide(3, 16383).tiff({ compression: "deflate" }),
    "floats.tif": sharp(caseFile("raster/float01.tif")[1])
      .toColourspace("b-w")
      .tiff({ compression: "deflate", predictor: "float" }),
    "film.tif": film(1).tiff({ compression: "lzw" }),
  });

export async function exactToo(): Promise<Files> {
  const levels = { width, height };
  const shrunk = await grey().resize(80, 60).raw().toBuffer();
  return [
    caseFile("raster/bmp.bmp"),
    caseFile("raster/float01.tif"),
    caseFile("raster/multipage_x.tif"),
    caseFile("raster/png16_12bit_x.png"),
    ["signed.tif", tiff({ ...levels, levels: Int16Array.from(picture.grey, (v) => 16 * v), orientation: 6 })],
    ["32 bits.tif", tiff({ ...levels, levels: Uint32Array.from(picture.grey) })],
    ["white is 0.tif", tiff({ ...levels, levels: picture.grey.map((v) => 255 - v), whiteIsZero: true })],
    [
      "white is 0, 12 bits.tif",
      tiff({ ...levels, levels: Uint16Array.from(picture.grey, (v) => 4095 - 16 * v), whiteIsZero: true }),
    ],
    ["inks.tif", tiff(picture, { inks: true })],
    ["with a smaller copy.tif", tiff({ width: 80, height: 60, grey: shrunk }, picture)],
  ];
}

/** With loss: decoders may round differently. */
export const lossy = (): Promise<Files> =>
  all({
    "grey.jpg": grey().jpeg(),
    "colours.jpg": coloured(3).jpeg(),
    "smooth.jpg": coloured(3).blur(4).jpeg({ quality: 90 }),
    "4:4:4.jpg": odd(coloured(3)).jpeg({ chromaSubsampling: "4:4:4", quality: 95 }),
    "progressive.jpg": odd(coloured(3)).jpeg({ progressive: true }),
    "mozjpeg.jpg": coloured(3).jpeg({ mozjpeg: true }),
    ...Object.fromEntries(
      [1, 2, 3, 4, 5, 6, 7, 8].map((orientation) => [
        `orientation ${orientation}.jpg`,
        odd(coloured(3)).jpeg().withMetadata({ orientation }).withIccProfile("srgb", { attach: false }),
      ]),
    ),
    "lossy.webp": coloured(3).webp(),
    "lossy, alpha.webp": coloured(4).webp(),
    "turned.webp": odd(coloured(3)).webp().withMetadata({ orientation: 8 }).withIccProfile("srgb", { attach: false }),
    "lossy film.webp": film(3).webp(),
    "lossless.avif": grey().avif({ lossless: true }),
    "grey.avif": grey().avif(),
    "colours.avif": coloured(3).blur(3).avif(),
    "jpeg.tif": grey().tiff({ compression: "jpeg" }),
    "jpeg, colours.tif": coloured(3).tiff({ compression: "jpeg", quality: 90 }),
    "jpeg, tiles.tif": coloured(3).tiff({ compression: "jpeg", tile: true, tileWidth: 64, tileHeight: 64 }),
  });

/** With a colour profile, by which two programs convert. */
export const profiled = (): Promise<Files> =>
  all({
    "srgb.png": coloured(3).png().withIccProfile("srgb"),
    "p3.png": coloured(3).png().withIccProfile("p3"),
    "p3, alpha.png": coloured(4).png().withIccProfile("p3"),
    "p3.jpg": coloured(3).blur(3).jpeg().withIccProfile("p3"),
    "p3.webp": coloured(3).webp({ lossless: true }).withIccProfile("p3"),
    "p3.tif": coloured(3).tiff({ compression: "lzw" }).withIccProfile("p3"),
    "grey.png": grey().png().withIccProfile("srgb"),
  });

const library = createRequire(import.meta.url)("dcmjs-codecs") as { constants: { TransferSyntax: object } };
const syntaxes = library.constants.TransferSyntax as Record<string, string | undefined>;

export async function dicomFiles(): Promise<Files> {
  await openCodecs();
  const names = [
    "whole",
    "12in16_overlaybits",
    "aspect2to1_x",
    "nopreamble",
    "rgb_rle_c",
    "window_linear_exact",
    "voilut_shuffled",
  ];
  const compressed = [
    "ImplicitVRLittleEndian",
    "RleLossless",
    "JpegBaselineProcess1",
    "JpegLosslessProcess14V1",
    "JpegLsLossless",
    "Jpeg2000Lossless",
    "HtJpeg2000Lossless",
  ];
  const two = Uint8Array.from(Buffer.concat(scenes.slice(0, 2)));
  return [
    ...names.map((name) => caseFile(`dicom/${name}.dcm`)),
    ...compressed.map((name): Files[number] => [`${name}.dcm`, dicom(picture, {}, syntaxes[name])]),
    ["two frames.dcm", dicom(picture, { NumberOfFrames: 2, PixelData: [two.buffer] })],
  ];
}

/** Files that both refuse. */
export async function refused(): Promise<Files> {
  await openCodecs();
  const whole = await all({
    png: grey().png(),
    jpg: coloured(3).jpeg(),
    "progressive.jpg": coloured(3).jpeg({ progressive: true }),
    webp: coloured(3).webp(),
    gif: film(1).gif(),
    tif: grey().tiff({ compression: "lzw" }),
    avif: coloured(3).avif(),
  });
  whole.push(["dcm", dicom(picture, {}, syntaxes["JpegLsLossless"])]);
  const cut = whole.flatMap(([name, bytes]): Files =>
    [0.98, 0.5, 0.02].map((share) => [`${share} of a ${name}`, bytes.subarray(0, Math.floor(share * bytes.length))]),
  );
  const random = stream(5);
  const flipped = whole
    .filter(([name]) => name === "png")
    .flatMap(([name, bytes]): Files =>
      [1, 2, 3].map((n) => [`${n} ${name}, bits flipped`, anyDamages["bit flipped"](Buffer.from(bytes), random)]),
    );
  const every = (bytes: Uint8Array) => bytes.map((byte, i) => (i > 700 && i % 50 === 0 ? byte ^ 0x55 : byte));
  const inJpegs = whole
    .filter(([name]) => /jpg$/.test(name))
    .map(([name, bytes]): Files[number] => [`damaged ${name}`, every(bytes)]);
  const text = (name: string, content: string): Files[number] => [name, Buffer.from(content, "latin1")];
  return [
    ...cut,
    ...flipped,
    ...inJpegs,
    ["nothing", new Uint8Array()],
    text("text", "<case></case>"),
    text("words", "no picture at all, but words"),
    text("svg", '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"></svg>'),
    ["svgz", gzipSync("<svg></svg>")],
    text("pdf", "%PDF-1.7 and so on"),
    text("heic", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    text("mp4", "\0\0\0\x18ftypisom\0\0\0\0"),
    caseFile("raster/rgba_alpha0_x.png"),
    caseFile("dicom/cut_half.dcm"),
    ["too large.tif", tiff({ ...picture, claimed: { width: 65535, height: 65535 } })],
    ["negative.tif", tiff({ ...picture, levels: Int16Array.from(picture.grey, (v) => 16 * v - 900) })],
    ["dim.tif", tiff({ ...picture, levels: Uint16Array.from(picture.grey, (v) => 2 * v) })],
    ["floats of 16 bits.tif", tiff({ width, height, floats: { bits: 16, data: new Uint8Array(2 * pixels) } })],
    ...claims(Object.fromEntries(whole)),
  ];
}

/** What a browser loses levels of, and this one refuses. */
export const refusedInBrowsers = (): Promise<Files> =>
  all({
    "lossless, alpha.webp": coloured(4).webp({ lossless: true }),
    "alpha.avif": coloured(4).avif(),
    "p3.avif": coloured(3).avif().withIccProfile("p3"),
    "16 bits, p3.png": wide(3, 65535).png().withIccProfile("p3"),
    "inks.jpg": coloured(3).toColourspace("cmyk").jpeg(),
  });

/** Small files whose headers claim 65535 x 65535 pixels, or the most that the format can say. */
function claims(whole: Record<string, Uint8Array>): Files {
  const change = (name: string, write: (bytes: Buffer) => void): Files[number] => {
    const bytes = Buffer.from(name === "bmp" ? readFileSync(`${cases}raster/bmp.bmp`) : whole[name]!);
    write(bytes);
    return [`too large ${name}`, bytes];
  };
  return [
    change("jpg", (bytes) => bytes.writeUInt32BE(0xffffffff, bytes.indexOf(Buffer.of(0xff, 0xc0)) + 5)),
    change("gif", (bytes) => {
      bytes.writeUInt32LE(0xffffffff, 6);
      bytes.writeUInt32LE(0xffffffff, bytes.indexOf(Buffer.of(0x2c, 0, 0, 0, 0)) + 5);
    }),
    change("webp", (bytes) => bytes.writeUInt32LE(0x3fff3fff, bytes.indexOf(Buffer.of(0x9d, 0x01, 0x2a)) + 3)),
    change("bmp", (bytes) => bytes.writeInt32LE(65535, bytes.writeInt32LE(65535, 18))),
    change("avif", (bytes) => {
      const at = bytes.indexOf("ispe") + 8;
      bytes.writeUInt32BE(65535, at);
      bytes.writeUInt32BE(65535, at + 4);
    }),
  ];
}
