/**
 * Parses labelme's JSON (https://github.com/wkentaro/labelme), one file per image:
 *
 *     { "shapes": [{ "label": "benign", "points": [[x, y], ..], "shape_type": "polygon" }], "flags": {},
 *       "imagePath": "1.png", "imageData": null, "imageWidth": 320, "imageHeight": 240 }
 *
 * The copy of the image in `imageData` is ignored.
 */
import * as z from "zod";
import { boundingBox, type Point } from "../boxes.ts";
import { type Box, DataError, reasonOf, type Shape } from "../sample.ts";
import { ellipsePolygon } from "../shape.ts";
import { parseJson } from "./json.ts";
import { boxesOfOutlines, type Marked } from "./marked.ts";

const SHAPE = z.object({
  label: z.coerce.string().max(200),
  points: z.array(z.tuple([z.number(), z.number()])).min(1),
  shape_type: z.string().default("polygon"),
});
const FILE = z.object({
  shapes: z.array(SHAPE),
  flags: z.record(z.string(), z.unknown()).nullish(),
  imagePath: z.string().max(4096).nullish(),
  imageWidth: z.number().nonnegative().nullish(),
  imageHeight: z.number().nonnegative().nullish(),
});

/** Shapes that enclose nothing: calipers and landmarks. */
const OPEN_SHAPES = new Set(["line", "linestrip", "point", "points"]);

/** @throws DataError if the text is not such a file, or has an unknown or incomplete shape */
export function parseLabelme(text: string): Marked {
  const { shapes, flags, imagePath, imageWidth, imageHeight } = parseJson(text, FILE, "a labelme annotation");
  const marked: Marked = { objects: [], notes: [] };
  for (const [i, { label, points: pairs, shape_type: type }] of shapes.entries()) {
    if (OPEN_SHAPES.has(type)) {
      marked.notes.push(`a ${type} is not an outline: left out`);
      continue;
    }
    try {
      const points = pairs.map(([x, y]) => ({ x, y }));
      const box = boxOf(type, points, marked);
      const shape = shapeOf(type, points, box);
      marked.objects.push({ name: label, box, ...(shape ? { shape } : {}) });
    } catch (error) {
      throw new DataError(`shapes[${i}] ${reasonOf(error)}`);
    }
  }
  if (imagePath) marked.image = imagePath;
  if (typeof imageWidth === "number" && typeof imageHeight === "number") {
    marked.size = { width: imageWidth, height: imageHeight };
  }
  marked.tags = Object.entries(flags ?? {}).flatMap(([name, on]) => (on === true ? [name] : []));
  return marked;
}

/** The outline of a shape that is more than a box. A mask's is in a picture within the file, which is not read. */
function shapeOf(type: string, points: readonly Point[], box: Box): Shape | undefined {
  if (type === "circle") return [{ polygon: ellipsePolygon(box) }];
  return type === "polygon" ? [{ polygon: points }] : undefined;
}

function boxOf(type: string, points: readonly Point[], marked: Marked): Box {
  const [a, b] = points;
  switch (type) {
    case "polygon":
      return boxesOfOutlines([points]).boxes[0]!;
    case "rectangle":
      if (points.length !== 2 && points.length !== 4) throw new DataError(`is a rectangle of ${points.length} points`);
      return boundingBox(points);
    case "circle": {
      if (points.length !== 2) throw new DataError(`is a circle of ${points.length} points`);
      const radius = Math.hypot(b!.x - a!.x, b!.y - a!.y);
      return { x0: a!.x - radius, y0: a!.y - radius, x1: a!.x + radius, y1: a!.y + radius };
    }
    // Its points are the first and the last pixel of the mask.
    case "mask":
      if (points.length !== 2) throw new DataError(`is a mask of ${points.length} points`);
      return {
        x0: Math.min(a!.x, b!.x),
        y0: Math.min(a!.y, b!.y),
        x1: Math.max(a!.x, b!.x) + 1,
        y1: Math.max(a!.y, b!.y) + 1,
      };
    case "rotation":
    case "oriented_rectangle":
      if (points.length !== 4) throw new DataError(`is a rotated rectangle of ${points.length} points`);
      marked.notes.push("a rotated rectangle: the box around it is used");
      return boundingBox(points);
    default:
      throw new DataError(`has the shape "${type.slice(0, 40)}", which is not known`);
  }
}
