/** What is drawn over the picture: the crop, boxes with their ellipses and grips, true outlines. */
import type { Box } from "../../src/data/sample.ts";
import { placesOf, type Size } from "./edit.ts";

/** Sides of grips in pixels of the screen. What takes hold of them is larger (pointers.ts). */
const GRIP_PIXELS = { fine: 11, coarse: 18 };

export const rectangle = ({ x0, y0, x1, y1 }: Box) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 });

/** What the crop takes away is darkened. */
export function Outside({ size, crop }: { size: Size; crop: Box }) {
  const outer = `M0 0H${size.width}V${size.height}H0Z`;
  const inner = `M${crop.x0} ${crop.y0}V${crop.y1}H${crop.x1}V${crop.y0}Z`;
  return (
    <>
      <path class="outside" d={outer + inner} />
      <rect class="crop" {...rectangle(crop)} />
    </>
  );
}

/** A box, the ellipse that the network learns from, and the grips of the selected one. @param scale of the screen to the image */
export function Marked({ box, selected, scale }: { box: Box; selected: boolean; scale: number }) {
  const { x0, y0, x1, y1 } = box;
  const side = GRIP_PIXELS[matchMedia("(pointer: coarse)").matches ? "coarse" : "fine"] / scale;
  const around = (x: number, y: number, width: number) => ({
    ...{ x: x - width / 2, y: y - width / 2, width, height: width },
  });
  return (
    <g class={selected ? "marked selected" : "marked"}>
      <ellipse cx={(x0 + x1) / 2} cy={(y0 + y1) / 2} rx={(x1 - x0) / 2} ry={(y1 - y0) / 2} />
      <rect {...rectangle(box)} />
      {selected &&
        placesOf(box).map(({ grip, x, y }) => <rect key={grip} class={`grip ${grip}`} {...around(x, y, side)} />)}
    </g>
  );
}
