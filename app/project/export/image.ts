/** A project's images as they are exported: under the names by which readers find them. */
import { shapeMask } from "../../../src/data/shape.ts";
import { IMAGE_FILE } from "../../../src/data/layouts/stems.ts";
import { frameName, frameOf } from "../../../src/data/picture-name.ts";
import { normalName } from "../../../src/data/layouts/names.ts";
import type { Classes, Shape } from "../../../src/data/sample.ts";
import type { Project, ProjectImage } from "../project.ts";

export interface ExportedImage extends ProjectImage {
  /** Where the picture lies beside the annotations, with the frame of a film behind a #. */
  readonly name: string;
  /** Its file, without the frame. */
  readonly picture: string;
  /** The true outlines of its boxes. */
  readonly shape: Shape | undefined;
}

/** The pixels in an image's true outlines, 1 each. */
export interface Mask {
  width: number;
  height: number;
  mask: () => Uint8Array;
}

/** Files by name: text, or a mask, which is drawn when it is needed: all of them at once would fill the memory. */
export type ExportedFiles = Map<string, string | Mask>;

/** Makes the files of a format. @param next called for each image: other work gets its turn, and the signal to stop arrives */
export type Writer = (
  images: readonly ExportedImage[],
  classes: Classes,
  next: () => Promise<void>,
) => Promise<ExportedFiles>;

/** The folder for pictures that are exported with their annotations. */
const PICTURES = "images";

/**
 * @param withPictures whether the pictures go with them, in a folder of their own, or lie where they were
 * @param shapeOf the true outlines that an image came with
 */
export function exportedImages(
  project: Pick<Project, "images" | "source">,
  withPictures: boolean,
  shapeOf: (image: ProjectImage) => Shape | undefined,
): ExportedImage[] {
  return project.images.map((image): ExportedImage => {
    const { file, frame } = nameOf(image, project.source.kind);
    // In a zip, some programs take a backslash for a slash.
    const picture = withPictures ? `${PICTURES}/${file.replaceAll("\\", "_")}` : file;
    return {
      ...{ ...image, picture, name: frame === undefined ? picture : frameName(picture, frame) },
      shape: image.outlined ? shapeOf(image) : undefined,
    };
  });
}

/** Of an image without a path, made up: phantoms have no files. */
function nameOf({ id, file, path }: ProjectImage, kind: Project["source"]["kind"]): { file: string; frame?: number } {
  if (kind === "phantom") return { file: `${id}.png` };
  const frame = frameOf(file)?.frame;
  const named = frame === undefined ? path : (frameOf(path)?.file ?? path);
  return { file: inside(named === "" ? madeUp(id, file) : named), ...(frame === undefined ? {} : { frame }) };
}

/** A name that leads out of no folder. */
const inside = (name: string): string => normalName(name).replace(/^(?:\.{0,2}\/)+/, "");

/** @param file in the project, with its extension */
function madeUp(id: string, file: string): string {
  const bare = frameOf(id)?.file ?? id;
  return IMAGE_FILE.test(bare) ? bare : `${bare}${/\.[a-z0-9]+(?=#\d+$|$)/.exec(file)?.[0] ?? ".png"}`;
}

/** Whether nothing is known of where its nodules are: no format has room for that. */
export const isUnmarked = ({ boxes, empty }: ProjectImage): boolean => boxes.length === 0 && !empty;

/** The pixels in the true outlines, 1 each; undefined if there are none. */
export function maskOf({ shape, width, height }: ExportedImage): Uint8Array | undefined {
  const mask = shape && shapeMask(shape, { x0: 0, y0: 0, x1: width, y1: height }, width, height);
  return mask?.includes(1) === true ? mask : undefined;
}

/** A millionth of a pixel is kept. */
export const short = (n: number): number => Number(n.toFixed(6));

/** A table with commas, as spreadsheets write it. */
export const toCsv = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `${row.map(quoted).join(",")}\r\n`).join("");

const quoted = (cell: string): string => (/[",;\t\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** The patients of images in a table, which formats without patients have beside them; none if no patient is known. */
export function patientTable(images: readonly ExportedImage[], names: readonly string[]): ExportedFiles {
  const known = images.filter(({ patient }) => patient !== "");
  if (known.length === 0) return new Map();
  const rows = known.map(({ name, label, patient }) => [name, label === null ? "" : names[label]!, patient]);
  return new Map([["patients.csv", toCsv([["image", "label", "patient"], ...rows])]]);
}

/** What a nodule without a class is called, where the classes are other words. */
export function noduleWord(names: readonly string[]): string {
  const isWord = (word: string) => !names.some((name) => name.toLowerCase().includes(word));
  return ["nodule", "lesion", "mass", "roi"].find(isWord) ?? "object";
}
