/** The structure of DICOM files: with and without a preamble, deflated, in frames and fragments, truncated, hostile. */
import { deflateRawSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/sample.ts";
import { dicomSize, isDicom, openDicom, renderDicom } from "../../../src/node/data/dicom.ts";
import {
  DEFLATED,
  elements,
  type Elements,
  encapsulated,
  EXPLICIT,
  image,
  itemOf,
  joined,
  meta,
  native,
  RLE,
} from "./dicom-bytes.ts";
import { dicom, openCodecs } from "./dicom-files.ts";
import { ultrasound } from "./images.ts";

const refusal = async (bytes: Uint8Array, frame?: number) => {
  const error: unknown = await renderDicom(bytes, frame).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DataError);
  return (error as Error).message;
};
const levels = async (bytes: Uint8Array, frame?: number) =>
  [...(await renderDicom(bytes, frame)).rgba].filter((_, i) => i % 4 === 0);

const frames = (count: number): Elements => [[0x00280008, "IS", String(count)]];
const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
const uint32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

beforeAll(openCodecs);

describe("a DICOM file", () => {
  const set = [...image(2, 3), [0x7fe00010, "OW", pixels]] as Elements;

  test("is read without a preamble, with or without file meta information, implicit or explicit", async () => {
    const explicit = elements(set);
    const implicit = elements(set, false);
    for (const bytes of [explicit, implicit, joined(meta(EXPLICIT).subarray(132), explicit)]) {
      expect(isDicom(bytes)).toBe(true);
      expect(await levels(bytes)).toEqual([...pixels]);
    }
    // Without its class, rows and columns tell.
    const without = set.filter(([tag]) => tag !== 0x00080016);
    expect(isDicom(elements([[0x00080060, "CS", "US"], ...without], false))).toBe(true);
  });

  test("is read where it says explicit and is implicit, or says nothing", async () => {
    expect(await levels(joined(meta(EXPLICIT), elements(set, false)))).toEqual([...pixels]);
    expect(await levels(joined(meta(""), elements(set)))).toEqual([...pixels]);
  });

  test("is nothing that only begins like one", () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, ...new Uint8Array(200));
    expect(isDicom(png)).toBe(false);
    expect(isDicom(new Uint8Array(0))).toBe(false);
    expect(isDicom(new Uint8Array(500))).toBe(false);
    for (const first of [2, 8]) {
      const noise = Uint8Array.from({ length: 500 }, (_, i) => (i * 7919) % 251);
      noise.set([first, 0, 5, 0]);
      expect(isDicom(noise)).toBe(false);
    }
    // A few elements that name no class and no size.
    expect(
      isDicom(
        elements([
          [0x00080005, "CS", "ISO_IR 100"],
          [0x00080060, "CS", "US"],
          [0x00100010, "PN", "A"],
        ]),
      ),
    ).toBe(false);
  });

  test("has no frames but its own", async () => {
    const loop = native(1, 2, pixels, frames(3));
    expect(await dicomSize(loop)).toEqual({ width: 2, height: 1, frames: 3 });
    expect(await levels(loop, 3)).toEqual([5, 6]);
    expect(await refusal(loop, 4)).toMatch(/is a DICOM file of 3 frames: it has no frame 4$/);
    expect(await refusal(loop, 0)).toMatch(/it has no frame 0$/);
    expect(await refusal(loop, 1.5)).toMatch(/it has no frame 1\.5$/);
    expect(await refusal(loop)).toMatch(/is a DICOM file of 3 frames: one must be named, as in file\.dcm#1$/);
    expect(await refusal(native(1, 2, pixels, frames(0)))).toMatch(/it says that it has 0 frames$/);
    const opened = openDicom(loop);
    expect([opened.frames, opened.size]).toEqual([3, { width: 2, height: 1 }]);
    expect([...(await opened.render(2)).rgba]).toEqual([3, 3, 3, 255, 4, 4, 4, 255]);
  });

  test("that is cut off is truncated, whatever the file's length; padding is no harm", async () => {
    expect(await refusal(native(2, 3, pixels.subarray(0, 4)))).toMatch(
      /truncated: it has 4 bytes of pixels instead of 6$/,
    );
    const trailing = joined(native(2, 3, pixels.subarray(0, 4)), elements([[0xfffcfffc, "OB", new Uint8Array(99)]]));
    expect(await refusal(trailing)).toMatch(/truncated: it has 4 bytes of pixels instead of 6$/);
    expect(await refusal(native(2, 3, pixels).subarray(0, -2))).toMatch(
      /truncated: it has 4 bytes of pixels instead of 6$/,
    );
    expect(await refusal(native(1, 2, pixels, frames(4)))).toMatch(/truncated: it has 6 bytes of pixels instead of 8$/);
    expect(await levels(native(1, 5, pixels))).toEqual([1, 2, 3, 4, 5]);
    for (let length = 133; length < native(2, 3, pixels).length - 6; length += 7) {
      expect(await refusal(native(2, 3, pixels).subarray(0, length))).toMatch(/is not a readable DICOM image/);
    }
  });
});

describe("compressed frames", () => {
  /** RLE of 8-bit grey: one literal run. */
  const rle = (...levels: number[]) =>
    joined(uint32(1, 64), new Uint8Array(56), Uint8Array.of(levels.length - 1, ...levels));
  const [a, b] = [rle(1, 2), rle(3, 4)];
  const size = (frame: Uint8Array) => frame.length + (frame.length % 2) + 8;
  const file = (count: number, body: Uint8Array, more: Elements = []) =>
    joined(meta(RLE), elements([...image(1, 2, frames(count)), ...more]), body);

  test("are found with a basic or an extended offset table, or none", async () => {
    const extended: Elements = [
      [0x7fe00001, "OV", [0, size(a)]],
      [0x7fe00002, "OV", [a.length, b.length]],
    ];
    for (const bytes of [
      file(2, encapsulated(new Uint8Array(0), a, b)),
      file(2, encapsulated(uint32(0, size(a)), a, b)),
      file(2, encapsulated(new Uint8Array(0), a, b), extended),
      // Tables that some writers leave unfinished.
      file(2, encapsulated(uint32(0, 0), a, b)),
      file(2, encapsulated(uint32(0), a, b)),
    ]) {
      expect(await levels(bytes, 1)).toEqual([1, 2]);
      expect(await levels(bytes, 2)).toEqual([3, 4]);
    }
    const split = encapsulated(
      uint32(0, size(a.subarray(0, 20)) + size(a.subarray(20))),
      a.subarray(0, 20),
      a.subarray(20),
      b,
    );
    expect(await levels(file(2, split), 1)).toEqual([1, 2]);
    expect(await levels(file(2, split), 2)).toEqual([3, 4]);
    expect(await levels(file(1, encapsulated(uint32(0), a.subarray(0, 20), a.subarray(20))))).toEqual([1, 2]);
  });

  test("that are more or fewer than the file says are refused", async () => {
    expect(await refusal(file(3, encapsulated(new Uint8Array(0), a, b)), 1)).toMatch(
      /truncated: it has 2 frames of pixels instead of 3$/,
    );
    expect(await refusal(file(1, encapsulated(new Uint8Array(0), a, b)))).toMatch(
      /it has 2 frames of pixels instead of 1$/,
    );
    expect(await refusal(file(1, encapsulated(uint32(0, size(a)), a, b)))).toMatch(
      /offset table has 2 frames, but it says that it has 1$/,
    );
    expect(await refusal(file(1, encapsulated(new Uint8Array(0))))).toMatch(/truncated: it has no frame$/);
  });

  test("that lack pixels, or their end, are refused; the others are read", async () => {
    const body = encapsulated(new Uint8Array(0), a, rle(3));
    expect(await levels(file(2, body), 1)).toEqual([1, 2]);
    expect(await refusal(file(2, body), 2)).toMatch(/truncated: an RLE frame has fewer pixels than it says$/);
    expect(await refusal(file(2, body.subarray(0, -8)), 1)).toMatch(/cut off or damaged in its pixels$/);
    const wrong = joined(uint32(2, 64), new Uint8Array(60));
    expect(await refusal(file(1, encapsulated(new Uint8Array(0), wrong)))).toMatch(/has 2 segments instead of 1$/);
  });

  test("are no others than those that the file says", async () => {
    expect(await refusal(joined(meta(RLE), elements([...image(1, 2), [0x7fe00010, "OW", pixels]])))).toMatch(
      /not compressed, though/,
    );
    expect(await refusal(joined(meta(EXPLICIT), elements(image(1, 2)), encapsulated(new Uint8Array(0), a)))).toMatch(
      /compressed, though/,
    );
  });

  test.each(["50", "70", "80", "90"])(
    "of syntax 4.%s and another size than the file's are refused, as are cut ones",
    async (syntax) => {
      const uid = `1.2.840.10008.1.2.4.${syntax}`;
      const picture = ultrasound(5);
      const whole = dicom(picture, {}, uid);
      const frame = fragmentsOf(whole)[0]!;
      const body = (f: Uint8Array) => encapsulated(new Uint8Array(0), f);
      const other = joined(meta(uid), elements(image(10, 20)), body(frame));
      expect(await refusal(other)).toMatch(
        new RegExp(`pixels are ${picture.width}x${picture.height}, but it says 20x10$`),
      );
      const same = image(picture.height, picture.width);
      // An end marker after half of the data.
      const half = joined(frame.subarray(0, frame.length >> 1), Uint8Array.of(0xff, 0xd9));
      expect(await refusal(joined(meta(uid), elements(same), body(half)))).toMatch(/cut off or damaged in its pixels/);
      expect(await refusal(joined(meta(uid), elements(same), body(frame.subarray(0, frame.length >> 1))))).toMatch(
        /cut off or damaged in its pixels/,
      );
      const colour: Elements = [
        [0x00280002, "US", [3]],
        [0x00280004, "CS", "RGB"],
      ];
      const contradictory = joined(meta(uid), elements(image(picture.height, picture.width, colour)), body(frame));
      expect(await refusal(contradictory)).toMatch(/1 components instead of 3$/);
      // Two fragments are one frame.
      const split = encapsulated(new Uint8Array(0), frame.subarray(0, 1000), frame.subarray(1000));
      expect(await levels(joined(meta(uid), elements(same), split))).toEqual(await levels(whole));
    },
  );
});

/** Fragments after the offset table. */
function fragmentsOf(bytes: Uint8Array): Uint8Array[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = file.lastIndexOf(Buffer.from("e07f1000", "hex")) + 12;
  const found: Uint8Array[] = [];
  while (file.readUInt32LE(at) === 0xe000fffe) {
    const length = file.readUInt32LE(at + 4);
    found.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return found.slice(1);
}

describe("a deflated file", () => {
  const deflated = (set: Uint8Array) => joined(meta(DEFLATED), new Uint8Array(deflateRawSync(set, { level: 1 })));

  test("is inflated, and refused where it is cut off", async () => {
    const whole = deflated(elements([...image(2, 3), [0x7fe00010, "OW", pixels]]));
    expect(await levels(whole)).toEqual([...pixels]);
    expect(await levels(joined(whole, new Uint8Array(1)))).toEqual([...pixels]);
    expect(await refusal(whole.subarray(0, -6))).toMatch(/cut off or damaged in its pixels/);
  });

  test("is inflated no further than its pixels, or a head, can need", async () => {
    const bomb = new Uint8Array(2 ** 26);
    const inPixels = deflated(elements([...image(2, 3), [0x7fe00010, "OW", bomb]]));
    expect(await refusal(inPixels)).toMatch(
      /inflates to more than the \d{7} bytes that its rows, columns and frames need$/,
    );
    const inHead = deflated(elements([...image(2, 3), [0x00091010, "OB", bomb], [0x7fe00010, "OW", pixels]]));
    expect(await refusal(inHead)).toMatch(/inflates to more than \d{7} bytes before its pixels begin$/);
    const claimed = elements([...image(8000, 8000, frames(99)), [0x7fe00010, "OW", bomb]]);
    expect(await refusal(deflated(claimed), 1)).toMatch(/deflated DICOM file of more than \d+ bytes: too large$/);
  });
});

describe("hostile files", () => {
  test("of sequences in sequences are refused without using up the stack", async () => {
    let nested = elements([[0x00081140, "SQ", []]]);
    for (let i = 0; i < 200; i++) nested = joined(elements([[0x00081140, "UN", itemOf(nested)]]), new Uint8Array(0));
    const undefinedLength = joined(Uint8Array.of(8, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255));
    const openItem = Uint8Array.of(0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255);
    const deep = joined(meta(EXPLICIT), ...Array.from({ length: 50_000 }, () => joined(undefinedLength, openItem)));
    expect(await refusal(deep)).toMatch(/nested too deeply$/);
    expect(await refusal(joined(meta(EXPLICIT), nested))).toMatch(/it has no pixels$/);
  });

  test("that claim many frames take no memory for them", async () => {
    const claimed = native(1, 2, pixels, frames(2_000_000_000));
    expect(await refusal(claimed, 1)).toMatch(/truncated: it has 6 bytes of pixels instead of 4000000000$/);
  });
});
