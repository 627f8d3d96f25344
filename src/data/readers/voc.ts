/**
 * Pascal VOC annotations as TN5000 has them (doi:10.6084/m9.figshare.28455641): one XML file an image, one object a nodule,
 * whose name is its class.
 *
 *     <annotation><filename>000001.jpg</filename><size>...</size>
 *       <object><name>1</name><bndbox><xmin>120</xmin><ymin>85</ymin><xmax>340</xmax><ymax>290</ymax></bndbox></object>
 *     </annotation>
 *
 * `<size>` is not used: re-users found it wrong. Coordinates are taken as the edges of the box; whether the set counts its
 * pixels from 1, as VOC does, is not known, and would move an edge by one pixel.
 */
import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { type Box, DataError, reasonOf } from "../sample.ts";
import { decimal, explain, parseClass } from "./values.ts";

export interface VocAnnotation {
  /** In the file's order. */
  objects: { label: 0 | 1; box: Box }[];
}

const BOX = z.object({ xmin: decimal, ymin: decimal, xmax: decimal, ymax: decimal });
const OBJECT = z.object({ name: z.string(), bndbox: BOX });
const ANNOTATION = z.object({ annotation: z.object({ object: z.array(OBJECT).default([]) }) });

const parser = new XMLParser({ parseTagValue: false, ignoreAttributes: true, isArray: (tag) => tag === "object" });

/** @throws DataError when the text is no XML, no annotation, or has a class or a number that cannot be understood */
export function parseVoc(xml: string): VocAnnotation {
  let document: unknown;
  try {
    document = parser.parse(xml, true);
  } catch (error) {
    throw new DataError(`is not well-formed XML: ${reasonOf(error)}`);
  }
  const result = ANNOTATION.safeParse(document);
  if (!result.success) throw new DataError(`is not a VOC annotation: ${explain(result.error)}`);
  const objects = result.data.annotation.object.map(({ name, bndbox: { xmin, ymin, xmax, ymax } }) => ({
    label: parseClass(name),
    box: { x0: xmin, y0: ymin, x1: xmax, y1: ymax },
  }));
  return { objects };
}

/** The ids of an image set file: one a line, without extension; a second column, as VOC has for single classes, is not read. */
export function parseImageSet(text: string): string[] {
  return text.split(/\r\n|\r|\n/).flatMap((line) => line.trim().split(/\s+/, 1).filter(Boolean));
}
