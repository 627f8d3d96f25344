/**
 * Parses "CVAT for images 1.1" (https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/): one XML file for many images.
 *
 *     <annotations><version>1.1</version>
 *       <image id="0" name="a.png" width="320" height="240">
 *         <box label="benign" xtl="50" ytl="40" xbr="140" ybr="100" rotation="15"/>
 *         <polygon label="malignant" points="1.0,2.0;3.0,4.0;5.0,0.0"/>
 *         <mask label="nodule" rle="2, 4, 10" left="50" top="40" width="4" height="4"/>
 *       </image>
 *     </annotations>
 */
import * as z from "zod";
import { components, runsOf, withoutSpecks } from "../components.ts";
import { type Box, DataError, reasonOf, type Shape, type Side } from "../sample.ts";
import { ellipsePolygon, moved } from "../shape.ts";
import { boxesOfOutlines, type Marked, turnedBox } from "./marked.ts";
import { maskOfRuns } from "./rle.ts";
import { explain } from "./values.ts";
import { BinaryWords, type ClassWords } from "./class-words.ts";
import { hasClassWord } from "./words.ts";
import { xmlParser } from "./xml.ts";

const number = z
  .string()
  .regex(/^-?\d{1,9}(\.\d{1,20})?$/, "is not a number")
  .transform(Number);
const whole = z
  .string()
  .regex(/^\d{1,9}$/, "is not a whole number")
  .transform(Number);
const attribute = z.union([z.string(), z.looseObject({ "#text": z.string().optional() })]);
const named = { label: z.string().max(200), attribute: z.array(attribute).optional() };
const BOX = z.object({ ...named, xtl: number, ytl: number, xbr: number, ybr: number, rotation: number.optional() });
const POLYGON = z.object({ ...named, points: z.string() });
const ELLIPSE = z.object({ ...named, cx: number, cy: number, rx: number, ry: number, rotation: number.optional() });
const MASK = z.object({ ...named, rle: z.string(), left: whole, top: whole, width: whole, height: whole });
const TAG = z.object(named);
const HEAD = z.object({
  name: z.string().min(1).max(4096),
  width: whole.optional(),
  height: whole.optional(),
  subset: z.string().optional(),
});
const SHAPES = z.object({
  box: z.array(BOX).default([]),
  polygon: z.array(POLYGON).default([]),
  ellipse: z.array(ELLIPSE).default([]),
  mask: z.array(MASK).default([]),
  tag: z.array(TAG).default([]),
  polyline: z.array(z.unknown()).default([]),
  points: z.array(z.unknown()).default([]),
  cuboid: z.array(z.unknown()).default([]),
  skeleton: z.array(z.unknown()).default([]),
});
const FILE = z.object({
  annotations: z.object({ image: z.array(z.unknown()).default([]), track: z.unknown().optional() }),
});

const LISTS = new Set(["image", "attribute", ...Object.keys(SHAPES.shape)]);
const parse = xmlParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  // An attribute with the name of a list, such as a polygon's points, stays text.
  isArray: (tag, _path, _leaf, isAttribute) => !isAttribute && LISTS.has(tag),
});

export type CvatImage = { name: string; side?: Side } & ({ marked: Marked } | { reason: string });

const SIDES = new Map<string, Side>([
  ["train", "train"],
  ["val", "val"],
  ["validation", "val"],
  ["test", "test"],
]);

/**
 * The images of the file, in its order.
 *
 * @param bad called for each image without a name
 * @throws DataError if the text is not such a file; by name for the video format, whose frames are not files
 */
export function parseCvat(
  text: string,
  bad: (reason: string) => void,
  words: ClassWords = new BinaryWords(),
): CvatImage[] {
  const result = FILE.safeParse(parse(text));
  if (!result.success) throw new DataError(`is not a CVAT annotation: ${explain(result.error)}`);
  const { image: images, track } = result.data.annotations;
  if (track !== undefined) {
    throw new DataError(
      'is "CVAT for video" (<track>), which names no image files: export it as "CVAT for images 1.1"',
    );
  }
  return images.flatMap((value, i): CvatImage[] => {
    const head = HEAD.safeParse(value);
    if (!head.success) {
      bad(`image ${i + 1} cannot be used: ${explain(head.error)}`);
      return [];
    }
    const { name, width, height, subset } = head.data;
    const side = SIDES.get(subset?.toLowerCase() ?? "");
    const size = width === undefined || height === undefined ? {} : { size: { width, height } };
    const known = { name, ...(side === undefined ? {} : { side }) };
    try {
      return [{ ...known, marked: { ...size, ...parseShapes(value, words) } }];
    } catch (error) {
      return [{ ...known, reason: reasonOf(error) }];
    }
  });
}

function parseShapes(value: unknown, words: ClassWords): Marked {
  const result = SHAPES.safeParse(value);
  if (!result.success) throw new DataError(`has a shape that cannot be used: ${explain(result.error)}`);
  const { box, polygon, ellipse, mask, tag, ...open } = result.data;
  const marked: Marked = { objects: [], notes: [], tags: tag.map(({ label }) => label) };
  const add = (object: z.infer<typeof TAG>, boxes: readonly Box[], shape?: Shape) => {
    for (const b of boxes) marked.objects.push({ name: nameOf(object, words), box: b, ...(shape ? { shape } : {}) });
  };
  const turned = (b: Box, rotation = 0): Box => {
    if (rotation === 0) return b;
    marked.notes.push(`a box rotated by ${rotation} degrees: the box around it is used`);
    return turnedBox(b, rotation);
  };
  for (const b of box) add(b, [turned({ x0: b.xtl, y0: b.ytl, x1: b.xbr, y1: b.ybr }, b.rotation)]);
  for (const p of polygon) {
    const { boxes, shape } = boxesOfOutlines([pointsOf(p.points)]);
    add(p, boxes, shape);
  }
  for (const { cx, cy, rx, ry, rotation, ...e } of ellipse) {
    const around = { x0: cx - rx, y0: cy - ry, x1: cx + rx, y1: cy + ry };
    add(e, [turned(around, rotation)], [{ polygon: ellipsePolygon(around, rotation) }]);
  }
  for (const m of mask) {
    const counts = m.rle.split(/\s*,\s*/).map((count) => (/^\s*\d{1,9}\s*$/.test(count) ? Number(count) : NaN));
    const { kept, specks } = withoutSpecks(components(maskOfRuns(counts, m, "rows"), m.width, m.height));
    if (kept.length === 0) throw new DataError("has a mask without a pixel");
    if (specks > 0) marked.notes.push(`${specks} specks of a mask: left out`);
    const shift = ({ x0, y0, x1, y1 }: Box) => ({ x0: x0 + m.left, y0: y0 + m.top, x1: x1 + m.left, y1: y1 + m.top });
    add(
      m,
      kept.map(({ box }) => shift(box)),
      moved([{ runs: runsOf(kept) }], shift),
    );
  }
  for (const [kind, shapes] of Object.entries(open)) {
    if (shapes.length > 0) marked.notes.push(`${shapes.length} × ${kind}, which is not an outline: left out`);
  }
  return marked;
}

/** The label, or if that has no class, the class given by an attribute of the shape. */
function nameOf({ label, attribute = [] }: z.infer<typeof TAG>, words: ClassWords): string {
  if (hasClassWord(label) || words.inText(label) !== undefined) return label;
  const values = attribute.map((a) => (typeof a === "string" ? a : (a["#text"] ?? "")).trim());
  // A number may be the value of any attribute.
  const classes = new Set(values.filter((v) => !/^\d+(?:\.0*)?$/.test(v) && words.knows(v)));
  return classes.size === 1 ? [...classes][0]! : label;
}

function pointsOf(text: string) {
  return text.split(";").map((pair) => {
    const result = z.tuple([number, number]).safeParse(pair.trim().split(/\s*,\s*/));
    if (!result.success) throw new DataError(`has the point "${pair.slice(0, 40)}", which is not x,y`);
    return { x: result.data[0], y: result.data[1] };
  });
}
