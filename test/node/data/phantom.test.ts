import { describe, expect, it } from "vitest";
import { phantomImage } from "../../../src/data/phantom/phantom.ts";
import { phantomFrame } from "../../../src/data/phantom/series.ts";
import { preparePhantom } from "../../../src/node/data/phantom.ts";
import { withoutSeen } from "../../../src/runs/sides.ts";

const size = { width: 96, height: 64, crop: "adaptive" } as const;

describe("the prepared phantom", () => {
  it("does not depend on the number of workers", async () => {
    const one = await preparePhantom({ seed: 7, count: 6 }, { ...size, workers: 1 });
    const two = await preparePhantom({ seed: 7, count: 6 }, { ...size, workers: 2 });
    expect(two).toEqual(one);
  });

  it("holds its nodules within the crop, half of them malignant", async () => {
    let done = 0;
    const prepared = await preparePhantom({ seed: 3, count: 20 }, { ...size, onProgress: () => done++ });
    expect(done).toBe(20);
    expect(prepared.filter((p) => p.label === 1)).toHaveLength(10);
    for (const { boxes, grey, source } of prepared) {
      expect(grey).toHaveLength(96 * 64);
      expect(boxes.length).toBeGreaterThan(0);
      for (const box of boxes) {
        const [w, h] = [box.x1 - box.x0, box.y1 - box.y0];
        const inside =
          Math.max(0, Math.min(box.x1, 96) - Math.max(box.x0, 0)) *
          Math.max(0, Math.min(box.y1, 64) - Math.max(box.y0, 0));
        expect(inside / (w * h)).toBeGreaterThan(0.95);
      }
      // The text around the sector is cut away with the black around it.
      const { crop, width, height } = source!;
      expect((crop.x1 - crop.x0) * (crop.y1 - crop.y0)).toBeLessThan(0.95 * width * height);
    }
  });

  it("is of another scanner if asked for, under names of its own", async () => {
    const [a, b] = [
      await preparePhantom({ seed: 3, count: 4 }, size),
      await preparePhantom({ scanner: "phantom-b", seed: 3, count: 4 }, size),
    ];
    expect(a.map(({ id }) => id)).toEqual([0, 1, 2, 3].map((i) => `phantom-3-${i}`));
    expect(b.map(({ id }) => id)).toEqual([0, 1, 2, 3].map((i) => `phantom-b-3-${i}`));
    expect(b.map(({ label }) => label)).toEqual(a.map(({ label }) => label));
    expect(b[0]!.source).toMatchObject({ width: 320, height: 240 });
    expect(phantomFrame("phantom-b-3-2")).toEqual(phantomImage(3, 2, { scanner: "phantom-b" }));
    expect(phantomFrame("phantom-3-2")).toEqual(phantomImage(3, 2));
    for (const id of ["phantom-c-3-2", "phantom-3", "a-3-2", "toString-3-2"]) expect(phantomFrame(id)).toBe(undefined);
    // What was trained on is no external image, though the phantom's have no fingerprints.
    const left = withoutSeen([...b, ...a], a.slice(1));
    expect(left.images.map(({ id }) => id)).toEqual([...b.map(({ id }) => id), "phantom-3-0"]);
    expect(left.left[0]).toEqual({
      file: "phantom-3-1",
      reason: "is the picture phantom-3-1, which the network was trained on",
    });
  });

  it("can be stopped", async () => {
    const controller = new AbortController();
    const running = preparePhantom({ seed: 3, count: 200 }, { ...size, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
  });
});
