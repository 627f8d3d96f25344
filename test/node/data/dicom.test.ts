import { createRequire } from "node:module";
import path from "node:path";
import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/sample.ts";
import { decodeGrey, imageSize } from "../../../src/node/data/decode.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { overlay } from "../../../src/node/overlay.ts";
import { temporaryFolder, ultrasound } from "./images.ts";
import { dicom, openCodecs } from "./dicom-files.ts";

const picture = ultrasound(3);
const { width, height, grey } = picture;
const library = createRequire(import.meta.url)("dcmjs-codecs") as { constants: { TransferSyntax: object } };
const syntaxes = library.constants.TransferSyntax as Record<string, string | undefined>;
const worst = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, level, i) => Math.max(most, Math.abs(level - b[i]!)), 0);

beforeAll(openCodecs);

describe("a DICOM file", () => {
  test.each([
    ["ImplicitVRLittleEndian", 0],
    ["ExplicitVRLittleEndian", 0],
    ["ExplicitVRBigEndian", 0],
    ["RleLossless", 0],
    ["JpegLosslessProcess14V1", 0],
    ["JpegLsLossless", 0],
    ["Jpeg2000Lossless", 0],
    ["HtJpeg2000Lossless", 0],
    ["HtJpeg2000LosslessRpcl", 0],
    ["JpegBaselineProcess1", 40],
  ])("of transfer syntax %s has its pixels", async (name, bound) => {
    const decoded = await decodeGrey(dicom(picture, {}, syntaxes[name]));
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    expect(worst(decoded.grey, grey)).toBeLessThanOrEqual(bound);
  });

  test("of 16 bits is scaled by the bits that it stores; a window, an inversion and colours are heeded", async () => {
    const wide = Uint16Array.from(grey, (level) => level * 16);
    const bits = { BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelData: [wide.buffer] };
    expect(worst((await decodeGrey(dicom(picture, bits))).grey, grey)).toBeLessThanOrEqual(1);
    const window = await decodeGrey(dicom(picture, { WindowCenter: 64, WindowWidth: 128 }));
    expect(
      worst(
        window.grey,
        grey.map((level) => Math.min(255, 2 * level)),
      ),
    ).toBeLessThanOrEqual(3);
    const inverted = await decodeGrey(dicom(picture, { PhotometricInterpretation: "MONOCHROME1" }));
    expect(
      worst(
        inverted.grey,
        grey.map((level) => 255 - level),
      ),
    ).toBeLessThanOrEqual(1);
    const colours = Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!);
    const rgb = {
      PhotometricInterpretation: "RGB",
      SamplesPerPixel: 3,
      PlanarConfiguration: 0,
      PixelData: [colours.buffer],
    };
    expect(worst((await decodeGrey(dicom(picture, rgb))).grey, grey)).toBe(0);
  });

  test("is refused in one line where it is a film, claims a size that it has not, or is cut off", async () => {
    const whole = dicom(picture);
    for (const [bytes, reason] of [
      [dicom(picture, { NumberOfFrames: 2, PixelData: [new Uint8Array(2 * grey.length).buffer] }), /2 frames/],
      [dicom(picture, { Rows: 65535, Columns: 65535 }), /65535x65535: too large/],
      [dicom(picture, { Rows: 480 }), /not a readable DICOM image/],
      [whole.subarray(0, whole.length >> 1), /not a readable DICOM image/],
      [whole.subarray(0, 140), /not a readable DICOM image/],
    ] as const) {
      const error: unknown = await decodeGrey(bytes).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DataError);
      expect((error as Error).message).toMatch(reason);
      expect((error as Error).message).not.toContain("\n");
    }
  });

  test.each(["RleLossless", "JpegLosslessProcess14V1", "JpegLsLossless", "Jpeg2000Lossless"])(
    "that is compressed (%s) and cut off is refused; the next one is read as if nothing had been",
    async (name) => {
      const whole = dicom(picture, {}, syntaxes[name]);
      const damaged = Uint8Array.from(whole, (byte, i) => (i > 1500 && i % 97 === 0 ? byte ^ 255 : byte));
      for (const share of [0.5, 0.98]) {
        const cut = whole.subarray(0, Math.floor(share * whole.length));
        await expect(decodeGrey(cut)).rejects.toThrow(/cut off or damaged in its pixels$/);
      }
      // Some codecs notice the damage, some do not; one that does may leave its memory in disorder.
      await decodeGrey(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
      expect(worst((await decodeGrey(whole)).grey, grey)).toBe(0);
    },
  );

  test("is an image of a data set as any other, in worker threads and under an overlay", async () => {
    const dir = temporaryFolder();
    const file = path.join(dir, "a.dcm");
    writeFileSync(file, dicom(picture, {}, syntaxes["RleLossless"]));
    writeFileSync(path.join(dir, "manifest.csv"), "image,label,boxes\na.dcm,1,100 80 160 120\n");
    expect(await imageSize(file)).toEqual({ width, height });
    const size = { width, height, crop: "none", workers: 1 } as const;
    const { prepared } = await prepareDataset(await openDataset(dir), size);
    expect(worst(prepared[0]!.grey, grey)).toBeLessThanOrEqual(1);
    const shown = await overlay(
      Buffer.from(dicom(picture)),
      { rings: [], box: undefined },
      { short: "malignant 50 %", alarming: true },
    );
    expect((await decodeGrey(shown)).width).toBe(width);
  });
});
