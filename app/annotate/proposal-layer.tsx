/** A model's proposals over the picture: dashed, and mended by dragging, which confirms them. Drawn within the annotator's SVG. */
import { useState } from "preact/hooks";
import type { Box } from "../../src/data/sample.ts";
import type { ProjectImage } from "../project/project.ts";
import { dragged, grips, type Grip } from "./edit.ts";
import { confirm, proposals } from "./proposals.ts";

interface Drag {
  box: Box;
  grip: Grip;
  /** In pixels of the screen. */
  from: { x: number; y: number };
  /** Pixels of the screen for one of the image. */
  scale: number;
  now: Box;
}

/** The pointer trembles when it clicks. */
const LEAST_PIXELS = 3;
/** Of a grip, in pixels of the screen. */
const GRIP_PIXELS = 22;

export function ProposalLayer({ image, index }: { image: ProjectImage; index: number }) {
  const [drag, setDrag] = useState<Drag>();
  const proposal = proposals.value.get(index);
  if (!proposal) return null;

  const press = (event: PointerEvent, box: Box) => {
    if (event.button !== 0) return;
    // Otherwise a new box would be drawn.
    event.stopPropagation();
    const target = event.currentTarget as SVGElement;
    target.setPointerCapture(event.pointerId);
    const bounds = target.ownerSVGElement!.getBoundingClientRect();
    const scale = bounds.width / image.width;
    const x = (event.clientX - bounds.left) / scale;
    const y = (event.clientY - bounds.top) / scale;
    const grip = gripAt(box, x, y, GRIP_PIXELS / 2 / scale);
    setDrag({ box, grip, from: { x: event.clientX, y: event.clientY }, scale, now: box });
  };
  const move = (event: PointerEvent) => {
    if (!drag) return;
    event.stopPropagation();
    const [dx, dy] = [event.clientX - drag.from.x, event.clientY - drag.from.y];
    const moved = Math.hypot(dx, dy) >= LEAST_PIXELS || drag.now !== drag.box;
    if (moved) setDrag({ ...drag, now: dragged(drag.box, drag.grip, dx / drag.scale, dy / drag.scale, image) });
  };
  const release = (event: PointerEvent) => {
    if (!drag) return;
    event.stopPropagation();
    setDrag(undefined);
    if (drag.now !== drag.box) confirm(index, drag.box, drag.now);
  };

  return (
    <g class="proposed">
      {proposal.boxes.map((box, i) => {
        const { x0, y0, x1, y1 } = drag?.box === box ? drag.now : box;
        return (
          <rect
            key={i}
            x={x0}
            y={y0}
            width={x1 - x0}
            height={y1 - y0}
            onPointerDown={(event) => press(event, box)}
            onPointerMove={move}
            onPointerUp={release}
            onPointerCancel={() => setDrag(undefined)}
          />
        );
      })}
    </g>
  );
}

/** The corner or edge at a point, else the inside. */
function gripAt({ x0, y0, x1, y1 }: Box, x: number, y: number, reach: number): Grip {
  // Small boxes have an inside, too.
  const [rx, ry] = [Math.min(reach, (x1 - x0) / 4), Math.min(reach, (y1 - y0) / 4)];
  const down = y - y0 < ry ? "n" : y1 - y < ry ? "s" : "";
  const across = x - x0 < rx ? "w" : x1 - x < rx ? "e" : "";
  return grips.find((grip) => grip === `${down}${across}`) ?? "move";
}
