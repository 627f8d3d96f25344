/** Annotations as Pascal VOC, which src/data/readers/voc.ts reads: an .xml beside each picture, and lists of the split. */
import { bareOf, baseOf, folderOf, nameIn } from "../../../src/data/layouts/names.ts";
import { key } from "../../../src/data/layouts/tree.ts";
import { type ExportedFiles, type ExportedImage, noduleWord, patientTable, short, type Writer } from "./image.ts";

export const voc: Writer = async (all, { names }, next) => {
  const nodule = noduleWord(names);
  const images: ExportedImage[] = [];
  const annotations: ExportedFiles = new Map();
  const taken = new Set<string>();
  for (const image of all) {
    await next();
    // VOC has boxes and nothing else, and names for whole files.
    if (image.boxes.length === 0 || image.name !== image.picture) continue;
    const folder = folderOf(image.name);
    const file = nameIn(folder === "." ? "" : folder, `${bareOf(image.name)}.xml`);
    // Of two pictures that differ only in their extensions, one has an annotation.
    if (taken.has(key(file))) continue;
    taken.add(key(file));
    images.push(image);
    annotations.set(file, xmlOf(image, image.label === null ? nodule : names[image.label]!));
  }
  const stems = new Map<string, number>();
  const stemOf = ({ name }: ExportedImage) => key(bareOf(name));
  for (const image of images) stems.set(stemOf(image), (stems.get(stemOf(image)) ?? 0) + 1);
  const sides = (["train", "val", "test"] as const).flatMap((side): [string, string][] => {
    const own = images.filter((image) => image.side === side);
    const lines = own.map((image) => (stems.get(stemOf(image)) === 1 ? bareOf(image.name) : image.name));
    return own.length > 0 ? [[`ImageSets/Main/${side}.txt`, lines.map((line) => `${line}\n`).join("")]] : [];
  });
  return new Map([...annotations, ...sides, ...patientTable(images, names)]);
};

function xmlOf({ name, width, height, boxes }: ExportedImage, label: string): string {
  const objects = boxes.map(({ x0, y0, x1, y1 }) =>
    [
      "  <object>",
      `    <name>${escaped(label)}</name>`,
      "    <pose>Unspecified</pose>",
      "    <truncated>0</truncated>",
      "    <difficult>0</difficult>",
      `    <bndbox><xmin>${short(x0)}</xmin><ymin>${short(y0)}</ymin><xmax>${short(x1)}</xmax><ymax>${short(y1)}</ymax></bndbox>`,
      "  </object>",
    ].join("\n"),
  );
  return [
    "<annotation>",
    `  <folder>${escaped(folderOf(name))}</folder>`,
    `  <filename>${escaped(baseOf(name))}</filename>`,
    `  <size><width>${width}</width><height>${height}</height><depth>3</depth></size>`,
    "  <segmented>0</segmented>",
    ...objects,
    "</annotation>",
    "",
  ].join("\n");
}

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    // XML has no such characters, not even escaped.
    .replace(/[\p{Cc}\uFFFE\uFFFF]/gu, "?");
