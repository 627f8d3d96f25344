/** DDTI case files as text, for tests. */
import type { Point } from "../../src/data/boxes.ts";

export interface Mark {
  image: number | string;
  svg: string;
}

/** A closed-looking outline around a rectangle. */
export function outline(x0: number, y0: number, x1: number, y1: number): Point[] {
  return [
    { x: x0, y: y0 },
    { x: x1, y: y0 },
    { x: x1, y: y1 },
    { x: x0, y: y1 },
  ];
}

export function svg(...rings: (Point[] | { points: Point[]; regionType: string })[]): string {
  const items = rings.map((r) => (Array.isArray(r) ? { points: r, regionType: "freehand" } : r));
  return JSON.stringify(items.map(({ points, regionType }) => ({ points, annotation: {}, regionType })));
}

export function caseXml(number: number | string, tirads: string, marks: readonly Mark[], between = ""): string {
  const fields = [
    `<number>${number}</number>`,
    `<age>39</age><sex>F</sex><composition>solid</composition>`,
    `<tirads>${tirads}</tirads>`,
    `<reportbacaf></reportbacaf>`,
    ...marks.map(({ image, svg }) => `<mark>${between}<image>${image}</image>${between}<svg>${svg}</svg></mark>`),
  ];
  return `<case>${between}${fields.join(between)}${between}</case>`;
}
