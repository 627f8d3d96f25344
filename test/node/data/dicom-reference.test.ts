/** Files with every valid pair of photometric interpretation and transfer syntax, against DCMTK (test/reference). */
import { readFileSync } from "node:fs";
import path from "node:path";
import { inflateSync } from "node:zlib";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { describe, expect, test } from "vitest";
import { stream } from "../../../src/data/random.ts";
import { DataError } from "../../../src/data/sample.ts";
import { dicomSize, isDicom, openDicom } from "../../../src/node/data/dicom.ts";

interface Case {
  file: string;
  frames: number;
  width: number;
  height: number;
  channels: 1 | 3;
  tolerance: number;
  levels: number;
}

const file = path.join(import.meta.dirname, "../../reference/data/dicom/files.json");
const { files, levels } = JSON.parse(readFileSync(file, "utf8")) as { files: Record<string, Case>; levels: string[] };
const unpacked = (text: string) => new Uint8Array(inflateSync(Buffer.from(text, "base64")));
const kindOf = (name: string) => name.replace(/-(explicit|implicit|big|deflated|rle|jpeg).*/, "");
const kinds = [...new Set(Object.keys(files).map(kindOf))];

describe("DICOM files agree with DCMTK", () => {
  test.each(kinds)("%s, in every transfer syntax", async (kind) => {
    for (const [name, wanted] of Object.entries(files).filter(([name]) => kindOf(name) === kind)) {
      const bytes = unpacked(wanted.file);
      const { width, height, frames, channels } = wanted;
      expect(isDicom(bytes), name).toBe(true);
      expect(await dicomSize(bytes), name).toEqual({ width, height, frames });
      const expected = unpacked(levels[wanted.levels]!);
      const dicom = openDicom(bytes);
      let worst = 0;
      for (let frame = 0; frame < frames; frame++) {
        const { rgba } = await dicom.render(frame + 1);
        expect(rgba.length, name).toBe(4 * width * height);
        for (let i = 0; i < width * height; i++) {
          const at = channels * (frame * width * height + i);
          for (let c = 0; c < 3; c++) {
            worst = Math.max(worst, Math.abs(rgba[4 * i + c]! - expected[at + (channels === 3 ? c : 0)]!));
          }
        }
      }
      expect(worst, name).toBeLessThanOrEqual(wanted.tolerance);
    }
  });

  test("and cover what the standard combines", () => {
    expect(Object.keys(files).length).toBeGreaterThan(200);
    for (const kind of ["mono1-8", "mono2-8", "mono2-16", "palette-8", "rgb-8", "ybr-full-8"]) {
      for (const syntax of [
        "implicit",
        "explicit",
        "big-endian",
        "deflated",
        "rle",
        "jpeg-baseline",
        "jpeg-lossless",
      ]) {
        expect(files, `${kind}-${syntax}`).toHaveProperty([`${kind}-${syntax}`]);
      }
      for (const syntax of ["jpeg-ls", "jpeg-2000"]) expect(files).toHaveProperty([`${kind}-${syntax}`]);
    }
    // A row of halved colours exists native, and in JPEG.
    for (const syntax of ["implicit", "explicit", "big-endian", "deflated", "jpeg-baseline"]) {
      expect(files).toHaveProperty([`ybr-full-422-${syntax}`]);
    }
  });

  test("and damaged ones are read, or refused in one line", async () => {
    const names = Object.keys(files);
    const counts = { read: 0, refused: 0 };
    for (let i = 0; i < 400; i++) {
      const random = stream(10, i);
      const upTo = (most: number) => uniformInt(random, 0, most);
      const name = names[upTo(names.length - 1)]!;
      const whole = unpacked(files[name]!.file);
      const bytes = i % 4 === 0 ? whole.slice(0, upTo(whole.length)) : whole;
      // Half of the damage is in what comes before the pixels.
      const most = i % 2 ? Math.min(1100, bytes.length - 1) : bytes.length - 1;
      for (let k = upTo(4); k >= 0 && bytes.length > 133; k--)
        bytes[uniformInt(random, 132, Math.max(132, most))] = upTo(255);
      try {
        if (!isDicom(bytes)) continue;
        await openDicom(bytes).render(1);
        counts.read++;
      } catch (error) {
        expect(error, `${name} ${i}: ${(error as Error).stack}`).toBeInstanceOf(DataError);
        expect((error as Error).message).not.toContain("\n");
        counts.refused++;
      }
    }
    expect(counts.read).toBeGreaterThan(50);
    expect(counts.refused).toBeGreaterThan(50);
  });
});
