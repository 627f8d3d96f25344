/** Box geometry: area, clipping, cropping, mirroring. */
import type { Box, Point } from "./sample.ts";

export type { Point } from "./sample.ts";

/** The bounding box of a polygon. Vertices are points in the plane, so the box spans their minimum and maximum. */
export function boundingBox(points: readonly Point[]): Box {
  const box: Box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (const { x, y } of points) {
    box.x0 = Math.min(box.x0, x);
    box.y0 = Math.min(box.y0, y);
    box.x1 = Math.max(box.x1, x);
    box.y1 = Math.max(box.y1, y);
  }
  return box;
}

/** Area in square pixels; 0 for a box whose edges are in the wrong order. */
export function area({ x0, y0, x1, y1 }: Box): number {
  return Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
}

/** Intersection over union, from 0 to 1. */
export function agreement(a: Box, b: Box): number {
  const both = area({
    x0: Math.max(a.x0, b.x0),
    y0: Math.max(a.y0, b.y0),
    x1: Math.min(a.x1, b.x1),
    y1: Math.min(a.y1, b.y1),
  });
  return both / (area(a) + area(b) - both);
}

/** The part of the box inside an image of that size; its area is 0 if there is none. */
export function clip({ x0, y0, x1, y1 }: Box, width: number, height: number): Box {
  return { x0: Math.max(0, x0), y0: Math.max(0, y0), x1: Math.min(width, x1), y1: Math.min(height, y1) };
}

/** The box after cropping the image to `crop` and resizing that to `width` × `height`; it may lie outside. */
export function intoCrop(box: Box, crop: Box, width: number, height: number): Box {
  // Multiply first: the crop's far edge then lands on the image's far edge without rounding.
  const x = (value: number) => ((value - crop.x0) * width) / (crop.x1 - crop.x0);
  const y = (value: number) => ((value - crop.y0) * height) / (crop.y1 - crop.y0);
  return { x0: x(box.x0), y0: y(box.y0), x1: x(box.x1), y1: y(box.y1) };
}

/** The inverse of `intoCrop`: from the cropped, resized image back to the original. */
export function outOfCrop(box: Box, crop: Box, width: number, height: number): Box {
  const x = (value: number) => crop.x0 + (value * (crop.x1 - crop.x0)) / width;
  const y = (value: number) => crop.y0 + (value * (crop.y1 - crop.y0)) / height;
  return { x0: x(box.x0), y0: y(box.y0), x1: x(box.x1), y1: y(box.y1) };
}

/** The boxes after cropping and resizing the image, clipped to it; those outside are dropped. */
export function boxesInCrop(boxes: readonly Box[], crop: Box, width: number, height: number): Box[] {
  return boxes.map((box) => clip(intoCrop(box, crop, width, height), width, height)).filter((box) => area(box) > 0);
}

/** The box after mirroring the image, `width` pixels wide, left to right. */
export function mirror({ x0, y0, x1, y1 }: Box, width: number): Box {
  return { x0: width - x1, y0, x1: width - x0, y1 };
}
