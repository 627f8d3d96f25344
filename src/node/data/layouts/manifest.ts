/** A set of one's own: images anywhere, named in manifest.csv or manifest.jsonl. */
import path from "node:path";
import { type ManifestRow, parseManifest } from "../../../data/readers/manifest.ts";
import { requireInside } from "../../../data/readers/values.ts";
import { type Dataset, DataError, reasonOf, type Sample } from "../../../data/sample.ts";
import { imageSize } from "../decode.ts";
import { Collector, IMAGE_FILE } from "./collect.ts";
import type { Layout, Listing, Look, ReadOptions } from "./layout.ts";
import { boxesOfMasks } from "./masks.ts";

const NAMES = ["manifest.csv", "manifest.jsonl"];

export const manifest: Layout = {
  format: "manifest",
  shape: "manifest.csv or manifest.jsonl: image, label, boxes or mask, patient, split",
  recognises: ({ files }) => NAMES.some((name) => files.includes(name)),
  read: (dir, listing, options, look) => {
    const name = NAMES.find((n) => listing.files.includes(n));
    if (name === undefined) throw new DataError(`${dir}: there is neither ${NAMES.join(" nor ")}`);
    return readManifest(dir, name, options, look, listing);
  },
};

/** Reads the manifest `name` of a folder. @throws DataError naming the manifest when it is none */
export async function readManifest(
  dir: string,
  name: string,
  options: ReadOptions,
  look: Look,
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
  await noteUnnamed(collect, name, parsed.rows, look);
  return collect.each(
    parsed.rows,
    ({ image }) => image,
    (row, remarks) => readRow(row, dir, remarks),
  );
}

/**
 * Tells of images that lie beside those of the manifest but are of no row: left out on purpose perhaps, or by a manifest that
 * was cut off at the end of a row, which nothing else shows.
 */
async function noteUnnamed(collect: Collector, name: string, rows: readonly ManifestRow[], look: Look): Promise<void> {
  const slashed = (file: string) => path.posix.normalize(file.replaceAll("\\", "/"));
  const named = new Set(rows.flatMap(({ image, masks }) => [image, ...masks].map(slashed)));
  const folders = new Set(rows.map(({ image }) => path.posix.dirname(slashed(image))));
  for (const folder of [...folders].filter((f) => !f.startsWith("..") && !path.posix.isAbsolute(f)).sort()) {
    const files = (await look(folder)).files.filter((file) => IMAGE_FILE.test(file));
    const others = files.map((file) => path.posix.join(folder, file)).filter((file) => !named.has(file));
    if (others.length > 0) {
      const where = folder === "." ? "its folder" : folder;
      collect.note(
        `${name}: ${others.length} images in ${where} are of no row that can be used, the first: ${others[0]!}`,
      );
    }
  }
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
    // The frames of one film show one patient, known or not.
    group: patient === undefined ? id.replace(/#\d+$/, "") : `patient ${patient}`,
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
