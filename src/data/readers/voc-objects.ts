/**
 * Pascal VOC annotations of any set: as ./voc.ts, but objects keep their names, which need not be classes.
 */
import { z } from "zod";
import { DataError } from "../sample.ts";
import type { Marked } from "./marked.ts";
import { explain } from "./values.ts";
import { xmlParser } from "./xml.ts";

const number = z
  .string()
  .regex(/^[-+]?\d{1,12}(\.\d{1,20})?(e[-+]?\d{1,2})?$/i, "is no number")
  .transform(Number);
const BOX = z.object({ xmin: number, ymin: number, xmax: number, ymax: number });
const OBJECT = z.object({ name: z.string().max(200), bndbox: BOX });
const SIZE = z.object({ width: number, height: number });
const ANNOTATION = z.object({
  annotation: z.object({
    filename: z.string().max(4096).optional(),
    size: SIZE.optional(),
    object: z.array(OBJECT).default([]),
  }),
});

const parse = xmlParser({ ignoreAttributes: true, isArray: (tag) => tag === "object" });

/** @throws DataError when the text is no XML, no annotation, or has a number that cannot be understood */
export function parseVocObjects(xml: string): Marked {
  const result = ANNOTATION.safeParse(parse(xml));
  if (!result.success) throw new DataError(`is not a VOC annotation: ${explain(result.error)}`);
  const { filename, size, object } = result.data.annotation;
  return {
    objects: object.map(({ name, bndbox: { xmin, ymin, xmax, ymax } }) => ({
      name,
      box: { x0: xmin, y0: ymin, x1: xmax, y1: ymax },
    })),
    notes: [],
    ...(size ? { size } : {}),
    ...(filename ? { image: filename } : {}),
  };
}
