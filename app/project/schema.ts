/** project.json: what it must look like. It may come from another computer, so nothing is taken for granted. */
import * as z from "zod";
import { MAX_CLASSES, MIN_CLASSES } from "../../src/data/classes.ts";
import { firstFault } from "../../src/data/fault.ts";
import { DataError } from "../../src/data/sample.ts";
import type { Project } from "./project.ts";

const coordinate = z.number().min(-1e6).max(1e6);
const box = z.object({ x0: coordinate, y0: coordinate, x1: coordinate, y1: coordinate });
const text = z.string().max(1000);
const pixels = z.number().int().min(1).max(1e6);

const image = z.object({
  id: text.min(1),
  file: text.min(1),
  // What earlier projects lack.
  path: text.default(""),
  fold: z.number().int().min(0).max(99).nullable().default(null),
  outlined: z.boolean().default(false),
  width: pixels,
  height: pixels,
  cropped: z.boolean(),
  notes: z.array(text),
  label: z.number().int().min(0).max(MAX_CLASSES).nullable(),
  boxes: z.array(box).max(1000),
  empty: z.boolean(),
  patient: text,
  side: z.enum(["train", "val", "test"]).nullable(),
});

const schema = z.object({
  format: z.literal("mganet-project-1"),
  name: text.min(1),
  source: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("files") }),
    z.object({ kind: z.literal("phantom"), scanner: text, seed: z.number().int().min(0) }),
  ]),
  classes: z.object({
    names: z.array(text.min(1)).min(MIN_CLASSES).max(MAX_CLASSES),
    positive: z.number().int().min(0).max(MAX_CLASSES),
  }),
  images: z.array(image),
  left: z.array(z.object({ file: text, reason: text })),
  notes: z.array(text),
  twins: z.array(z.tuple([text, text])),
});

/** @throws DataError with the file's name and the first fault */
export function parseProject(content: string, file: string): Project {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new DataError(`${file}: is not JSON`);
  }
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) {
    const { path, fault } = firstFault(result.error);
    throw new DataError(`${file}: is not a project: ${path === "" ? "" : `${path}: `}${fault}`);
  }
  const { classes, images } = result.data;
  const last = classes.names.length - 1;
  if (classes.positive > last || images.some(({ label }) => label !== null && label > last)) {
    throw new DataError(`${file}: is not a project: a class beyond the ${classes.names.length} that it names`);
  }
  return result.data;
}
