/**
 * Pascal VOC annotations as TN5000 has them (doi:10.6084/m9.figshare.28455641): one XML file an image, one object a nodule,
 * whose name is its class.
 *
 *     <annotation><filename>000001.jpg</filename><size>...</size>
 *       <object><name>1</name><bndbox><xmin>120</xmin><ymin>85</ymin><xmax>340</xmax><ymax>290</ymax></bndbox></object>
 *     </annotation>
 *
 * `<size>` is that of the image that was annotated. Coordinates are taken as the edges of the box; whether the set counts its
 * pixels from 1, as VOC does, is not known, and would move an edge by one pixel.
 */
import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { type Box, DataError, reasonOf } from "../sample.ts";
import type { Size } from "../annotation-frame.ts";
import { decimal, explain, parseClass, parseCount } from "./values.ts";

export interface VocAnnotation {
  /** The image's name as the annotation has it, perhaps with folders. */
  filename: string | undefined;
  /** Of the image that was annotated; undefined where it is not said, for which zeros stand too. */
  size: Size | undefined;
  /** In the file's order. */
  objects: { label: 0 | 1; box: Box }[];
}

const BOX = z.object({ xmin: decimal, ymin: decimal, xmax: decimal, ymax: decimal });
const OBJECT = z.object({ name: z.string(), bndbox: BOX });
/** Text, or nothing where there is something else: of what is not needed, no annotation is refused. */
const text = z.string().optional().catch(undefined);
const SIZE = z.object({ width: text, height: text }).optional().catch(undefined);
const ANNOTATION = z.object({
  annotation: z.object({ filename: text, size: SIZE, object: z.array(OBJECT).default([]) }),
});

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
  const { filename, size, object } = result.data.annotation;
  const objects = object.map(({ name, bndbox: { xmin, ymin, xmax, ymax } }) => ({
    label: parseClass(name),
    box: { x0: xmin, y0: ymin, x1: xmax, y1: ymax },
  }));
  return { filename, size: sizeOf(size), objects };
}

function sizeOf(size: z.infer<typeof SIZE>): Size | undefined {
  const [width, height] = [size?.width, size?.height].map((side) => parseCount(side ?? "") ?? 0);
  return width! > 0 && height! > 0 ? { width: width!, height: height! } : undefined;
}

/**
 * The ids of an image set file: one a line, an image's name with or without folders and extension; a second column, as VOC has
 * for single classes, is not read.
 *
 * @param known the ids that there are: a name is taken as it stands where it is one of them, since ids may have dots and blanks
 */
export function parseImageSet(text: string, known: { has(id: string): boolean } = new Set()): string[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .flatMap((line) => {
      const whole = line.trim();
      if (whole === "") return [];
      const [first = ""] = whole.split(/\s+/, 1);
      const names = [whole, first].flatMap((name) => {
        const base = name.split(/[\\/]/).at(-1)!;
        return [name, base, base.replace(/\.[A-Za-z]\w{1,4}$/, "")].map((form) => form.normalize("NFC"));
      });
      return names.find((name) => known.has(name)) ?? first;
    });
}
