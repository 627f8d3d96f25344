/** The stages of DICOM rendering one by one, with hand-computed levels. */
import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/sample.ts";
import { dicomSize, renderDicom } from "../../../src/node/data/dicom.ts";
import { elements, type Elements, EXPLICIT, image, joined, meta, native } from "./dicom-bytes.ts";

/** Red of each pixel. */
async function levels(bytes: Uint8Array, frame?: number): Promise<number[]> {
  const { rgba } = await renderDicom(bytes, frame);
  return Array.from({ length: rgba.length / 4 }, (_, i) => rgba[4 * i]!);
}

async function colours(bytes: Uint8Array): Promise<number[][]> {
  const { rgba } = await renderDicom(bytes);
  return Array.from({ length: rgba.length / 4 }, (_, i) => [...rgba.subarray(4 * i, 4 * i + 3)]);
}

const refusal = async (bytes: Uint8Array) => {
  const error: unknown = await renderDicom(bytes).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DataError);
  return (error as Error).message;
};

const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values, (v) => v & 0xffff).buffer);
const bits = (allocated: number, stored: number, high = stored - 1, signed = 0): Elements => [
  [0x00280100, "US", [allocated]],
  [0x00280101, "US", [stored]],
  [0x00280102, "US", [high]],
  [0x00280103, "US", [signed]],
];
const window = (center: string, width: string, shape?: string): Elements => [
  [0x00281050, "DS", center],
  [0x00281051, "DS", width],
  ...(shape ? ([[0x00281056, "CS", shape]] as Elements) : []),
];
const rescale = (intercept: string, slope: string): Elements => [
  [0x00281052, "DS", intercept],
  [0x00281053, "DS", slope],
];
const lut = (entries: number[], first: number, depth: number, vr = "US"): Elements => [
  [0x00283002, vr, [entries.length, first, depth]],
  [0x00283006, "OW", words(...entries)],
];

describe("windows", () => {
  const ramp = Uint8Array.of(0, 50, 100, 127, 128, 150, 200, 255);
  const shown = (...more: Elements) => levels(native(2, 4, ramp, more));

  test("LINEAR, LINEAR_EXACT and SIGMOID are the standard's formulas", async () => {
    const clamp = (share: number) => Math.round(255 * Math.min(1, Math.max(0, share)));
    expect(await shown(...window("100", "101"))).toEqual([...ramp].map((x) => clamp((x - 99.5) / 100 + 0.5)));
    expect(await shown(...window("100", "100", "LINEAR_EXACT"))).toEqual(
      [...ramp].map((x) => clamp((x - 100) / 100 + 0.5)),
    );
    const sigmoid = [...ramp].map((x) => clamp(1 / (1 + Math.exp((-4 * (x - 100)) / 60))));
    expect(await shown(...window("100", "60", "SIGMOID"))).toEqual(sigmoid);
    expect(await shown(...window("100", "1"))).toEqual([...ramp].map((x) => (x <= 99.5 ? 0 : 255)));
  });

  test("the first of several counts; an empty one, or one without width, is none", async () => {
    expect(await shown(...window("100\\7", "101\\3"))).toEqual(await shown(...window("100", "101")));
    for (const none of [
      window("", ""),
      window("\\40", "\\80"),
      window("100", "0"),
      window("100", "-5"),
      window("100", "0.5"),
    ]) {
      expect(await shown(...none)).toEqual([...ramp]);
    }
    expect(await shown([0x00281050, "DS", "100"])).toEqual([...ramp]);
  });

  test("a function that is not known, and numbers that are none, are refused", async () => {
    expect(await refusal(native(2, 4, ramp, window("100", "50", "CUBIC")))).toMatch(
      /VOI LUT function CUBIC: not supported$/,
    );
    expect(await refusal(native(2, 4, ramp, window("much", "50")))).toMatch(/\(0028,1050\) is not a number$/);
  });
});

describe("the modality and VOI stages", () => {
  test("follow each other: rescale before window, tables before tables, inversion last", async () => {
    const stored = Uint8Array.of(0, 10, 20, 30);
    const rescaled = native(1, 4, stored, [...rescale("-100", "10"), ...window("100", "200", "LINEAR_EXACT")]);
    expect(await levels(rescaled)).toEqual([0, 0, 128, 255]);
    const modality: Elements = [[0x00283000, "SQ", [lut([0, 400, 600, 1000], 10, 10)]]];
    const last = native(1, 4, Uint8Array.of(9, 11, 12, 99), [...modality, ...window("500", "1000", "LINEAR_EXACT")]);
    expect(await levels(last)).toEqual([0, 102, 153, 255]);
    const both = native(1, 4, Uint8Array.of(9, 11, 12, 99), [
      ...modality,
      [0x00283010, "SQ", [lut([255, 40], 500, 8)]],
      [0x20500020, "CS", "INVERSE"],
    ]);
    expect(await levels(both)).toEqual([0, 0, 215, 215]);
  });

  test("a table of negative values is found by its signed first entry", async () => {
    const voi: Elements = [[0x00283010, "SQ", [lut([10, 20, 30, 255], -2, 8, "SS")]]];
    const bytes = native(1, 4, words(-3, -1, 0, 1), [...bits(16, 16, 15, 1), ...voi]);
    expect(await levels(bytes)).toEqual([10, 20, 30, 255]);
  });

  test("MONOCHROME1 and the shape INVERSE are one inversion, also where both are said", async () => {
    const inverse: Elements[number] = [0x20500020, "CS", "INVERSE"];
    const white: Elements[number] = [0x00280004, "CS", "MONOCHROME1"];
    for (const more of [[inverse], [white], [inverse, white]]) {
      expect(await levels(native(1, 2, Uint8Array.of(0, 200), more))).toEqual([255, 55]);
    }
    expect(await refusal(native(1, 2, Uint8Array.of(0, 200), [[0x20500020, "CS", "LIN OD"]]))).toMatch(/LIN OD/);
  });

  test("a negative slope inverts, with or without a window", async () => {
    const stored = Uint8Array.of(0, 100, 255);
    expect((await levels(native(1, 3, stored, rescale("0", "-1")))).slice(0, 3)).toEqual([255, 155, 0]);
    const windowed = [...rescale("0", "-1"), ...window("-127.5", "255", "LINEAR_EXACT")];
    expect(await levels(native(1, 3, stored, windowed))).toEqual([255, 155, 0]);
  });

  test("functional groups: of the frame, else of all frames, else of the file", async () => {
    const pixels = Uint8Array.of(50, 100, 50, 100);
    const voi = (center: string): Elements[number] => [0x00289132, "SQ", [window(center, "100", "LINEAR_EXACT")]];
    const bytes = native(1, 2, pixels, [
      [0x00280008, "IS", "2"],
      ...window("9", "9"),
      [0x52009229, "SQ", [[voi("100"), [0x00289145, "SQ", [rescale("0", "1")]]]]],
      [0x52009230, "SQ", [[voi("50")], []]],
    ]);
    expect(await levels(bytes, 1)).toEqual([128, 255]);
    expect(await levels(bytes, 2)).toEqual([0, 128]);
  });
});

describe("bits", () => {
  test("are masked and shifted by BitsStored and HighBit, and have their sign", async () => {
    // 12 bits at the top of 16; the lowest 4 are an overlay.
    expect(await levels(native(1, 2, words(0xfff3, 0x8005), bits(16, 12, 15)))).toEqual([255, 128]);
    expect(await levels(native(1, 3, words(0xf800, 0x1000, 0x57ff), bits(16, 12, 11, 1)))).toEqual([0, 128, 255]);
    const deep = new Uint8Array(Uint32Array.of(0, 2 ** 31, 2 ** 32 - 1).buffer);
    expect(await levels(native(1, 3, deep, bits(32, 32)))).toEqual([0, 128, 255]);
    expect(await levels(native(1, 2, Uint8Array.of(0x80, 0x7f), bits(8, 8, 7, 1)))).toEqual([0, 255]);
  });

  test("one at a time follow each other through frames without a gap", async () => {
    // Frames of 3 pixels: 1 0 1, then 0 1 1.
    const more: Elements = [...bits(1, 1), [0x00280008, "IS", "2"]];
    const bytes = native(1, 3, Uint8Array.of(0b110101), more);
    expect(await levels(bytes, 1)).toEqual([255, 0, 255]);
    expect(await levels(bytes, 2)).toEqual([0, 255, 255]);
  });

  test("that contradict each other are refused", async () => {
    expect(await refusal(native(1, 2, words(1, 2), bits(16, 12, 9)))).toMatch(/16 allocated, 12 stored, high bit 9$/);
    expect(await refusal(native(1, 2, words(1, 2), bits(12, 12)))).toMatch(/with 12 bits allocated: not supported$/);
  });

  test("fewer than declared are told where it is certain, else the range that was found", async () => {
    const shown = (...values: number[]) => levels(native(1, values.length, words(...values), bits(16, 16)));
    expect(await shown(0, 2048, 4095)).toEqual([0, 128, 255]);
    expect(await shown(0, 3400)).toEqual([0, 212]);
    expect(await shown(0, 255)).toEqual([0, 255]);
    expect(await shown(0, 1023)).toEqual([0, 255]);
    expect(await shown(0, 16383)).toEqual([0, 255]);
    // Most bits are in use: a picture that is only dim stays so.
    expect(await shown(0, 9000)).toEqual([0, 35]);
    const refused = await refusal(native(1, 2, words(12, 2500), bits(16, 16)));
    expect(refused).toMatch(/without a window whose levels, 12 to 2500 of 16 bits, do not show what is white$/);
    // A window says it.
    expect(
      await levels(native(1, 2, words(0, 2500), [...bits(16, 16), ...window("1250", "2500", "LINEAR_EXACT")])),
    ).toEqual([0, 255]);
    // A file that declares 12 bits is believed.
    expect(await levels(native(1, 2, words(0, 1023), bits(16, 12)))).toEqual([0, 64]);
  });

  test("are told in a note where a viewer may show them otherwise", async () => {
    const note = async (declared: Elements, ...values: number[]) =>
      (await renderDicom(native(1, values.length, words(...values), declared))).note;
    expect(await note(bits(16, 16), 0, 3760)).toBe("has no window, and levels 0 to 3760 of 16 bits: read as 12 bits");
    expect(await note(bits(16, 16), 0, 9000)).toBe(
      "has no window, and levels 0 to 9000 of 16 bits, which makes it dim",
    );
    expect(await note(bits(16, 12), 0, 1000)).toBe(
      "has no window, and levels 0 to 1000 of 12 bits, which makes it dim",
    );
    expect(await note(bits(16, 16), 0, 60000)).toBeUndefined();
    expect(await note(bits(16, 12), 0, 3000)).toBeUndefined();
    expect(await note([...bits(16, 16), ...window("1880", "3760")], 0, 3760)).toBeUndefined();
  });

  test("14 bits, or a dim picture of 16, are refused", async () => {
    const reason = /without a window whose levels, 0 to 15040 of 16 bits, do not show what is white$/;
    expect(await refusal(native(1, 2, words(0, 15040), bits(16, 16)))).toMatch(reason);
    expect(await refusal(native(1, 2, words(0, 15040), bits(16, 16, 15, 1)))).toMatch(reason);
  });

  test("signed: around 0, from 0 on where none is negative, refused where they are a few in the middle", async () => {
    const signed = bits(16, 16, 15, 1);
    expect(await levels(native(1, 3, words(-32768, 0, 32767), signed))).toEqual([0, 128, 255]);
    const positive = await renderDicom(native(1, 3, words(0, 2048, 4095), signed));
    expect(positive.note).toBe("has no window, and levels 0 to 4095 of signed 16 bits: read as 12 bits, 0 is black");
    expect([...positive.rgba].filter((_, i) => i % 4 === 0)).toEqual([0, 128, 255]);
    expect(await levels(native(1, 3, words(0, 16384, 32767), signed))).toEqual([0, 128, 255]);
    expect(await refusal(native(1, 2, words(-8192, 6848), signed))).toMatch(
      /levels, -8192 to 6848 of 16 bits, do not show what is white$/,
    );
  });

  test("are the same for all frames: a dark one is not brightened", async () => {
    const more: Elements = [...bits(16, 16), [0x00280008, "IS", "2"]];
    const bytes = native(1, 2, words(0, 4095, 0, 255), more);
    expect(await levels(bytes, 1)).toEqual([0, 255]);
    expect(await levels(bytes, 2)).toEqual([0, 16]);
  });
});

describe("colours", () => {
  const rgb = (photometric: string, planar = 0): Elements => [
    [0x00280002, "US", [3]],
    [0x00280004, "CS", photometric],
    [0x00280006, "US", [planar]],
  ];

  test("lie by pixel or by plane, and YBR is turned by the standard's formulas", async () => {
    const red = [Uint8Array.of(200, 10, 20, 30, 40, 50), Uint8Array.of(200, 30, 10, 40, 20, 50)];
    for (const planar of [0, 1]) {
      expect(await colours(native(1, 2, red[planar]!, rgb("RGB", planar)))).toEqual([
        [200, 10, 20],
        [30, 40, 50],
      ]);
    }
    expect(await colours(native(1, 2, Uint8Array.of(76, 85, 255, 128, 128, 128), rgb("YBR_FULL")))).toEqual([
      [254, 0, 0],
      [128, 128, 128],
    ]);
    const halved = Uint8Array.of(16, 235, 128, 128);
    expect(await colours(native(1, 2, halved, rgb("YBR_FULL_422")))).toEqual([
      [16, 16, 16],
      [235, 235, 235],
    ]);
    expect(await colours(native(1, 2, halved, rgb("YBR_PARTIAL_422")))).toEqual([
      [0, 0, 0],
      [255, 255, 255],
    ]);
  });

  test("that are not read are refused by name", async () => {
    expect(
      await refusal(
        native(1, 1, new Uint8Array(4), [
          [0x00280002, "US", [4]],
          [0x00280004, "CS", "CMYK"],
        ]),
      ),
    ).toMatch(/"CMYK": not supported$/);
    const signed: Elements = [...rgb("RGB"), [0x00280103, "US", [1]]];
    expect(await refusal(native(1, 1, new Uint8Array(4), signed))).toMatch(/says that its colours are signed$/);
    expect(await refusal(native(1, 3, new Uint8Array(8), rgb("YBR_FULL_422")))).toMatch(/YBR_FULL_422 and 3 columns/);
    expect(await refusal(native(1, 3, new Uint8Array(12), rgb("YBR_RCT")))).toMatch(
      /YBR_RCT, which only JPEG 2000 knows$/,
    );
    expect(await refusal(native(1, 3, new Uint8Array(4), rgb("MONOCHROME2")))).toMatch(
      /3 samples per pixel, but is MONOCHROME2$/,
    );
  });

  test("of a palette, also of one in segments; a supplemental one leaves grey", async () => {
    const descriptor = [6, 2, 16];
    const palette = (tag: number, ...data: number[]): Elements => [
      [tag, "US", descriptor],
      [tag + 0x120, "OW", words(...data)],
    ];
    // Given 0 and 257 · 10, a line of 3 to 257 · 40, and the first piece's last entry again by an indirect segment.
    const red = [0, 2, 0, 2570, 1, 3, 10280, 0, 1, 65535];
    const more: Elements = [
      ...palette(0x00281101, ...red),
      ...palette(0x00281102, ...red),
      ...palette(0x00281103, 0, 1, 257, 1, 1, 514, 2, 2, 0, 0),
      [0x00280004, "CS", "PALETTE COLOR"],
    ];
    const short = await refusal(native(1, 6, Uint8Array.of(1, 2, 3, 4, 5, 99), more));
    expect(short).toMatch(/segmented palette has fewer entries than it says$/);
    more[5] = [0x00281223, "OW", words(0, 2, 257, 514, 1, 2, 1028, 2, 1, 0, 0)];
    expect(await colours(native(1, 6, Uint8Array.of(1, 2, 3, 5, 6, 99), more))).toEqual([
      [0, 0, 1],
      [0, 0, 1],
      [10, 10, 2],
      [30, 30, 4],
      [40, 40, 1],
      [255, 255, 2],
    ]);
    more[6] = [0x00280004, "CS", "MONOCHROME2"];
    expect(await levels(native(1, 2, Uint8Array.of(3, 200), more))).toEqual([3, 200]);
  });
});

describe("pixels that are not square", () => {
  const spacing = (tag: number, text: string): Elements => [[tag, "DS", text]];
  const size = (more: Elements) => dicomSize(native(4, 6, new Uint8Array(24), more));

  test("are stretched along their longer side, by the first distance that is given", async () => {
    const tall = { width: 6, height: 8, frames: 1, stored: { width: 6, height: 4, orientation: 1 } };
    for (const tag of [0x00280030, 0x00181164, 0x00182010]) expect(await size(spacing(tag, "0.2\\0.1"))).toEqual(tall);
    expect(await size([[0x00280034, "IS", "2\\1"]])).toEqual(tall);
    expect(await size([...spacing(0x00280030, "0.2\\0.1"), [0x00280034, "IS", "1\\2"]])).toEqual(tall);
    expect(await size([[0x52009229, "SQ", [[[0x00289110, "SQ", [spacing(0x00280030, "0.2\\0.1")]]]]]])).toEqual(tall);
    expect(await size([[0x00280034, "IS", "1\\2"]])).toMatchObject({ width: 12, height: 4 });
    for (const square of ["0.1\\0.1", "0.1\\0.1005", "0\\0", ""]) {
      expect(await size(spacing(0x00280030, square))).toEqual({ width: 6, height: 4, frames: 1 });
    }
    const bytes = native(1, 2, Uint8Array.of(0, 100), [[0x00280034, "IS", "1\\2"]]);
    expect(await levels(bytes)).toEqual([0, 25, 75, 100]);
  });

  test("are refused where nobody would look at such a picture", async () => {
    expect(await refusal(native(4, 6, new Uint8Array(24), [[0x00280034, "IS", "100\\1"]]))).toMatch(
      /100 times as high as wide/,
    );
  });
});

describe("what is no picture", () => {
  test.each([
    ["1.2.840.10008.1.3.10", /DICOMDIR/],
    ["1.2.840.10008.5.1.4.1.1.88.33", /a structured report$/],
    ["1.2.840.10008.5.1.4.1.1.104.1", /an encapsulated document$/],
    ["1.2.840.10008.5.1.4.1.1.3.1", /it has no pixels$/],
  ])("%s is refused by its name", async (sopClass, reason) => {
    expect(await refusal(joined(meta(EXPLICIT), elements([[0x00080016, "UI", sopClass]])))).toMatch(reason);
  });

  test("floating-point pixels and video are refused by name", async () => {
    const floats = joined(meta(EXPLICIT), elements([...image(1, 1), [0x7fe00008, "OF", new Uint8Array(4)]]));
    expect(await refusal(floats)).toMatch(/floating-point pixels: not supported$/);
    const video = joined(meta("1.2.840.10008.1.2.4.102"), elements(image(1, 1)));
    expect(await refusal(video)).toMatch(/H\.264\) video: not supported$/);
    expect(await refusal(joined(meta("1.2.3"), elements(image(1, 1))))).toMatch(
      /unknown transfer syntax, "1\.2\.3": not supported$/,
    );
  });
});
