import { describe, expect, test } from "vitest";
import { centred, dragged, drawn, gripAt, grips, held, MIN_SIDE_PIXELS, placesOf } from "../../app/annotate/edit.ts";
import { History } from "../../app/annotate/history.ts";
import { changed, type Annotation } from "../../app/project/project.ts";

const size = { width: 100, height: 60 };
const box = { x0: 20, y0: 10, x1: 50, y1: 40 };

describe("a box", () => {
  test("is drawn between two points in any order, clipped to the image, in whole pixels", () => {
    expect(drawn({ x: 50.4, y: 40.2 }, { x: 19.6, y: 10.4 }, size)).toEqual(box);
    expect(drawn({ x: -30, y: 50 }, { x: 30, y: 900 }, size)).toEqual({ x0: 0, y0: 50, x1: 30, y1: 60 });
  });

  test("is not drawn by a click, a line, or outside the image", () => {
    for (const to of [
      { x: 11, y: 11 },
      { x: 80, y: 11 },
      { x: 11, y: 50 },
    ]) {
      expect(drawn({ x: 10, y: 10 }, to, size)).toBeUndefined();
    }
    expect(drawn({ x: 110, y: 70 }, { x: 150, y: 90 }, size)).toBeUndefined();
  });

  test("moves as a whole, and no further than the edges", () => {
    expect(dragged(box, "move", 5, -3, size)).toEqual({ x0: 25, y0: 7, x1: 55, y1: 37 });
    expect(dragged(box, "move", -500, 500, size)).toEqual({ x0: 0, y0: 30, x1: 30, y1: 60 });
  });

  test("is resized by each grip, which moves its own edges only, within the image, to no less than it can be seen", () => {
    for (const grip of grips) {
      const moved = dragged(box, grip, 4, -2, size);
      const expected = {
        x0: grip.includes("w") ? 24 : 20,
        x1: grip.includes("e") ? 54 : 50,
        y0: grip.includes("n") ? 8 : 10,
        y1: grip.includes("s") ? 38 : 40,
      };
      expect(moved, grip).toEqual(expected);
    }
    expect(dragged(box, "se", 999, 999, size)).toEqual({ ...box, x1: 100, y1: 60 });
    expect(dragged(box, "nw", 999, 999, size)).toEqual({ ...box, x0: 50 - MIN_SIDE_PIXELS, y0: 40 - MIN_SIDE_PIXELS });
  });

  test("begins in the middle for those who draw by keyboard, in any image", () => {
    expect(centred(size)).toEqual({ x0: 38, y0: 23, x1: 63, y1: 38 });
    const tiny = centred({ width: 4, height: 4 });
    expect(tiny.x1 - tiny.x0).toBeGreaterThanOrEqual(MIN_SIDE_PIXELS);
  });
});

describe("a grip", () => {
  test("is taken hold of within its square, at least twice the reach wide on any box; the inside moves", () => {
    for (const large of [box, { x0: 20, y0: 10, x1: 24, y1: 15 }]) {
      for (const { grip, x, y } of placesOf(large)) expect(gripAt(large, { x, y }, 6), grip).toBe(grip);
      const middle = { x: (large.x0 + large.x1) / 2, y: (large.y0 + large.y1) / 2 };
      expect(gripAt(large, middle, 6)).toBe("move");
      // From the edge outwards and inwards.
      const widths = { e: { x: 1, y: 0 }, n: { x: 0, y: -1 } } as const;
      for (const [grip, way] of Object.entries(widths)) {
        const from = placesOf(large).find((place) => place.grip === grip)!;
        const reached = Array.from({ length: 241 }, (_, i) => (i - 120) / 10).filter(
          (d) => gripAt(large, { x: from.x + d * way.x, y: from.y + d * way.y }, 6) === grip,
        );
        expect(Math.max(...reached) - Math.min(...reached), grip).toBeGreaterThanOrEqual(11.8);
      }
    }
    expect(gripAt(box, { x: 70, y: 25 }, 6)).toBeUndefined();
  });

  test("is the selected box's before another's; else the smallest box under the point is moved", () => {
    const inner = { x0: 30, y0: 20, x1: 40, y1: 30 };
    const boxes = [box, inner];
    expect(held(boxes, undefined, { x: 35, y: 25 }, 6)).toEqual({ index: 1, grip: "move" });
    expect(held(boxes, 0, { x: 35, y: 25 }, 6)).toEqual({ index: 0, grip: "move" });
    expect(held(boxes, 1, { x: 41, y: 31 }, 6)).toEqual({ index: 1, grip: "se" });
    expect(held(boxes, undefined, { x: 50, y: 40 }, 6)).toEqual({ index: 0, grip: "move" });
    expect(held(boxes, undefined, { x: 90, y: 50 }, 6)).toBeUndefined();
    expect(held(boxes, 7, { x: 90, y: 50 }, 6)).toBeUndefined();
  });
});

describe("a true outline", () => {
  const outlined: Annotation = {
    ...{ label: 0, boxes: [box], empty: false, patient: "", side: null, outlined: true },
  };

  test("stays with its boxes, and goes with a change of one; undo brings it back", () => {
    const history = new History(outlined);
    history.change(changed(history.present, { label: 1, patient: "7" }));
    history.change(changed(history.present, { boxes: [{ ...box }] }));
    expect([history.present.outlined, history.wasOutlined]).toEqual([true, true]);
    history.change(changed(history.present, { boxes: [{ ...box, x1: 51 }] }));
    history.change(changed(history.present, { boxes: [box] }));
    expect(history.present.outlined).toBe(false);
    history.undo();
    history.undo();
    expect(history.present.outlined).toBe(true);
    expect(changed(outlined, { boxes: [], empty: true }).outlined).toBe(false);
    const later = new History({ ...outlined, outlined: false });
    later.change(changed(later.present, { patient: "8" }));
    expect(later.wasOutlined).toBe(false);
  });
});

describe("history", () => {
  const at = (label: number | null): Annotation => ({
    ...{ label, boxes: [], empty: false, patient: "", side: null, outlined: false },
  });

  test("takes changes back one by one and makes them again; a new change forgets what was taken back", () => {
    const history = new History(at(null));
    history.change(at(0));
    history.change(at(1));
    history.undo();
    expect([history.present.label, history.canUndo, history.canRedo]).toEqual([0, true, true]);
    history.redo();
    expect(history.present.label).toBe(1);
    history.undo();
    history.undo();
    history.undo();
    expect([history.present.label, history.canUndo]).toEqual([null, false]);
    history.change(at(5));
    expect([history.present.label, history.canRedo]).toEqual([5, false]);
  });

  test("takes a drag back as one step, and two drags as two", () => {
    const history = new History(at(null));
    for (const label of [1, 2, 3]) history.change(at(label), "first");
    for (const label of [4, 5]) history.change(at(label), "second");
    history.undo();
    expect(history.present.label).toBe(3);
    history.undo();
    expect(history.present.label).toBeNull();
    history.redo();
    history.redo();
    expect(history.present.label).toBe(5);
  });

  test("follows classes that were moved or deleted, in all that can be taken back or made again", () => {
    const history = new History(at(null));
    for (const label of [0, 1, 2]) history.change(at(label));
    history.undo();
    history.relabel((label) => (label === null || label === 0 ? null : label - 1));
    expect(history.present.label).toBe(0);
    history.redo();
    expect(history.present.label).toBe(1);
    history.undo();
    history.undo();
    expect([history.present.label, history.canUndo]).toEqual([null, true]);
  });
});
