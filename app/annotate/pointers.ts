/** What mouse, pen and fingers do in the picture: one draws or changes a box, two zoom and move the picture. */
import { useRef, useState } from "preact/hooks";
import type { Box, Point } from "../../src/data/sample.ts";
import { dragged, drawn, held, type Grip, type Size } from "./edit.ts";

/** A change under way, which is made when the pointer is lifted, and not at all if a second finger comes down. */
export type Drag = { kind: "draw"; box: Box | undefined } | { kind: "change"; index: number; box: Box };

interface Options {
  image: Size;
  boxes: readonly Box[];
  selected: number | undefined;
  /** Whether one pointer moves the picture, too. */
  panning: boolean;
  zoom: number;
  onSelect: (index: number | undefined) => void;
  onBoxes: (boxes: readonly Box[]) => void;
  /** Shows the picture at a zoom, with a point of the image under a place of the screen. */
  onView: (zoom: number, point: Point, client: Point) => void;
}

/** Half the width of a grip's square in pixels of the screen: fingers are broader. */
const REACH_PIXELS = { fine: 12, coarse: 22 };
/** A pointer that has moved less was held, not dragged. */
const SLOP_PIXELS = { fine: 2, coarse: 7 };

const kindOf = ({ pointerType }: PointerEvent) => (pointerType === "touch" ? "coarse" : "fine");
const between = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

type Doing =
  | { kind: "nothing" }
  | { kind: "pan"; point: Point }
  | { kind: "pinch"; point: Point; distance: number; zoom: number }
  | {
      kind: "edit";
      client: Point;
      from: Point;
      hit: { index: number; grip: Grip } | undefined;
      boxes: readonly Box[];
      begun: boolean;
    };

export function usePointers(options: Options) {
  const latest = useRef(options);
  latest.current = options;
  const down = useRef(new Map<number, Point>());
  const doing = useRef<Doing>({ kind: "nothing" });
  const [drag, setDragState] = useState<Drag>();
  /** The same at once: a pointer may be lifted before it is shown. */
  const newest = useRef<Drag>(undefined);
  const setDrag = (next: Drag | undefined) => {
    newest.current = next;
    setDragState(next);
  };

  /** Where a place of the screen lies in the image, and how large its pixels are shown. */
  const placed = ({ x, y }: Point, element: Element) => {
    const { left, top, width } = element.getBoundingClientRect();
    const scale = width / latest.current.image.width;
    return { point: { x: (x - left) / scale, y: (y - top) / scale }, scale };
  };
  const elementOf = (event: PointerEvent) => event.currentTarget as SVGSVGElement;

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const element = elementOf(event);
    element.setPointerCapture(event.pointerId);
    const client = { x: event.clientX, y: event.clientY };
    down.current.set(event.pointerId, client);
    const [first, second] = [...down.current.values()];
    const { boxes, selected, panning, zoom } = latest.current;
    if (second) {
      // Two fingers: what the first has begun was not meant.
      setDrag(undefined);
      const { point } = placed(between(first!, second), element);
      doing.current = { kind: "pinch", point, distance: distance(first!, second), zoom };
      return;
    }
    const { point, scale } = placed(client, element);
    if (panning) {
      doing.current = { kind: "pan", point };
      return;
    }
    const hit = event.shiftKey ? undefined : held(boxes, selected, point, REACH_PIXELS[kindOf(event)] / scale);
    doing.current = { kind: "edit", client, from: point, hit, boxes, begun: false };
  };

  const onPointerMove = (event: PointerEvent) => {
    if (!down.current.has(event.pointerId)) return;
    const client = { x: event.clientX, y: event.clientY };
    down.current.set(event.pointerId, client);
    const now = doing.current;
    const { image, onView, onSelect, zoom } = latest.current;
    if (now.kind === "pan") onView(zoom, now.point, client);
    else if (now.kind === "pinch") {
      const [first, second] = [...down.current.values()];
      if (!second) return;
      onView((now.zoom * distance(first!, second)) / now.distance, now.point, between(first!, second));
    } else if (now.kind === "edit") {
      if (!now.begun && distance(client, now.client) < SLOP_PIXELS[kindOf(event)]) return;
      const { from, hit, boxes } = now;
      const { point } = placed(client, elementOf(event));
      if (!now.begun && hit) onSelect(hit.index);
      now.begun = true;
      setDrag(
        hit
          ? {
              ...{ kind: "change", index: hit.index },
              box: dragged(boxes[hit.index]!, hit.grip, point.x - from.x, point.y - from.y, image),
            }
          : { kind: "draw", box: drawn(from, point, image) },
      );
    }
  };

  const onPointerUp = (event: PointerEvent) => {
    if (!down.current.delete(event.pointerId)) return;
    const now = doing.current;
    const made = newest.current;
    doing.current = { kind: "nothing" };
    setDrag(undefined);
    if (now.kind !== "edit") return;
    const { onBoxes, onSelect } = latest.current;
    const { boxes, hit } = now;
    if (!now.begun) onSelect(hit?.index);
    else if (made?.kind === "change") onBoxes(boxes.map((box, i) => (i === made.index ? made.box : box)));
    else if (made?.box) {
      onBoxes([...boxes, made.box]);
      onSelect(boxes.length);
    }
  };

  const onPointerCancel = (event: PointerEvent) => {
    down.current.delete(event.pointerId);
    doing.current = { kind: "nothing" };
    setDrag(undefined);
  };

  return { drag, handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel } };
}
