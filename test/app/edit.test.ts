import { describe, expect, test } from "vitest";
import { centred, dragged, drawn, grips, History, MIN_SIDE_PIXELS } from "../../app/annotate/edit.ts";
import type { Annotation } from "../../app/project/project.ts";

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

describe("history", () => {
  const at = (label: number | null): Annotation => ({ label, boxes: [], empty: false, patient: "", side: null });

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
});
