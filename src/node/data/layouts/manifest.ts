/** A set of one's own: images anywhere, named in manifest.csv or manifest.jsonl. */
import path from "node:path";
import { type ManifestRow, parseManifest } from "../../../data/readers/manifest.ts";
import { requireInside } from "../../../data/readers/values.ts";
import { type Dataset, DataError, reasonOf, type Sample } from "../../../data/sample.ts";
import { imageSize } from "../decode.ts";
import { Collector } from "./collect.ts";
import type { Layout, Listing, ReadOptions } from "./layout.ts";
import { boxesOfMasks } from "./masks.ts";

const NAMES = ["manifest.csv", "manifest.jsonl"];

export const manifest: Layout = {
  format: "manifest",
  shape: "manifest.csv or manifest.jsonl: image, label, boxes or mask, patient, split",
  recognises: ({ files }) => NAMES.some((name) => files.includes(name)),
  read: (dir, listing, options) => {
    const name = NAMES.find((n) => listing.files.includes(n));
    if (name === undefined) throw new DataError(`${dir}: there is neither ${NAMES.join(" nor ")}`);
    return readManifest(dir, name, options, listing);
  },
};

/** Reads the manifest `name` of a folder. @throws DataError naming the manifest when it is none */
export async function readManifest(
  dir: string,
  name: string,
  options: ReadOptions,
  listing: Listing = { files: [name], folders: [] },
): Promise<Dataset> {
  const collect = new Collector("manifest", dir, options);
  const other = NAMES.find((n) => n !== name && listing.files.includes(n));
  if (other !== undefined)
    throw new DataError(`${dir}: has both ${NAMES.join(" and ")}; name the one to read as --data`);
  let parsed;
  try {
    const kind = /\.csv$/i.test(name) ? "csv" : "jsonl";
    parsed = parseManifest(await collect.text(name), kind, collect.badLine(name));
  } catch (error) {
    throw new DataError(`${collect.file(name)}: ${reasonOf(error)}`);
  }
  for (const note of parsed.notes) collect.note(`${name}: ${note}`);
  const alone = parsed.rows.filter(({ patient }) => patient === undefined).length;
  if (alone > 0) collect.note(`${name}: ${alone} images without a patient count as one patient each`);
  return collect.each(
    parsed.rows,
    ({ image }) => image,
    (row, remarks) => readRow(row, dir, remarks),
  );
}

async function readRow(row: ManifestRow, dir: string, remarks: { note(text: string): void }): Promise<Sample> {
  const { image, label, boxes, masks, patient, side, fold, cropped } = row;
  const file = path.resolve(dir, image);
  const size = await imageSize(file);
  if (boxes.length + masks.length === 0) throw new DataError("has neither boxes nor a mask");
  const id = path.posix.normalize(image.replaceAll("\\", "/"));
  const sample: Sample = {
    id,
    file,
    // A patient may be called as an image is: the prefix keeps the two apart.
    group: patient === undefined ? id : `patient ${patient}`,
    label,
    // Boxes say where each nodule is; a mask beside them is for people.
    boxes:
      boxes.length > 0
        ? requireInside(boxes, size.width, size.height)
        : await boxesOfMasks(
            masks.map((name) => ({ name, file: path.resolve(dir, name) })),
            size,
            remarks,
          ),
  };
  if (side !== undefined) sample.side = side;
  if (fold !== undefined) sample.fold = fold;
  if (cropped) sample.cropped = true;
  return sample;
}
