/** Reads the user's own set: images anywhere, named in manifest.csv, manifest.jsonl or manifest.json. */
import { groupOf } from "../patient.ts";
import { type ManifestRow, parseManifest } from "../readers/manifest.ts";
import type { ClassWords } from "../readers/class-words.ts";
import { type Box, type Dataset, DataError, reasonOf, type Sample } from "../sample.ts";
import { Collector, IMAGE_FILE, type Remarks } from "./collect.ts";
import type { Layout, Listing, Look, PathFinder, ReadContext, SetFiles } from "./layout.ts";
import { isNormal, type Nodules, nodulesOfMasks, outlineOf } from "./masks.ts";
import { nodulesOfOutlines } from "./outlines.ts";
import { FRAME, folderOf, normalName, tidy } from "./names.ts";
import { placed } from "./placed.ts";

const NAMES = ["manifest.csv", "manifest.jsonl", "manifest.json"];
const isManifest = (name: string): boolean => NAMES.includes(name.toLowerCase());

export const manifest: Layout = {
  format: "manifest",
  shape: "manifest.csv, .jsonl or .json: image, label, boxes or mask, patient, split",
  targets: ["class", "tirads"],
  recognises: ({ files }) => files.some(isManifest),
  read: (set, listing, options, look) => {
    const name = listing.files.find(isManifest);
    if (name === undefined) throw new DataError(`${set.called}: there is neither ${NAMES.join(" nor ")}`);
    return readManifest(set, name, options, look, listing);
  },
};

/** Reads the manifest `name` of a folder. @throws DataError with its name if it is not a manifest */
export async function readManifest(
  set: SetFiles,
  name: string,
  options: ReadContext,
  look: Look,
  listing: Listing = { files: [name], folders: [] },
): Promise<Dataset> {
  const collect = new Collector("manifest", set, options);
  const other = listing.files.find((file) => file !== name && isManifest(file));
  if (other !== undefined) {
    throw new DataError(`${set.called}: has both ${name} and ${other}; name the one to read as --data`);
  }
  let parsed;
  try {
    const kind = /\.csv$/i.test(name) ? "csv" : "jsonl";
    parsed = parseManifest(await collect.text(name), kind, collect.badLine(name), collect.words);
  } catch (error) {
    throw new DataError(`${collect.file(name)}: ${reasonOf(error)}`);
  }
  for (const note of parsed.notes) collect.note(`${name}: ${note}`);
  const alone = parsed.rows.filter(({ patient }) => patient === undefined).length;
  if (alone > 0) collect.note(`${name}: ${alone} images without a patient count as one patient each`);
  await noteUnnamed(collect, name, parsed.rows, look);
  const files = set.finder();
  await requireEdges(collect, name, parsed.rows, files);
  if (await mayBePercent(collect, parsed.rows, files)) {
    collect.note(
      `${name}: all boxes lie within 100 pixels of the upper left corner: they are wrong if they are percent`,
    );
  }
  const dataset = await collect.each(
    parsed.rows,
    ({ image }) => image,
    (row, remarks) => readRow(row, set, files, remarks, collect.words),
  );
  for (const note of files.notes()) collect.note(`${name}: ${note}`);
  return dataset;
}

/**
 * Notes images that lie beside the manifest's but are in no row: perhaps omitted on purpose, or by a manifest truncated at the
 * end of a row, which nothing else reveals.
 */
async function noteUnnamed(collect: Collector, name: string, rows: readonly ManifestRow[], look: Look): Promise<void> {
  const named = new Set(
    rows.flatMap(({ image, masks, outlines }) =>
      [image, ...masks, ...outlines].map((file) => tidy(file).replace(FRAME, "")),
    ),
  );
  const folders = new Set(rows.map(({ image }) => folderOf(tidy(image))));
  for (const folder of [...folders].filter((f) => !f.startsWith("..") && !f.startsWith("/")).sort()) {
    const files = (await look(folder)).files.filter((file) => IMAGE_FILE.test(file));
    const others = files.map((file) => normalName(`${folder}/${file}`)).filter((file) => !named.has(tidy(file)));
    if (others.length > 0) {
      const where = folder === "." ? "its folder" : folder;
      collect.note(`${name}: ${others.length} images in ${where} are in no usable row, the first: ${others[0]!}`);
    }
  }
}

/**
 * Detects boxes that are not edges from the manifest as a whole: individually, some of them look right.
 *
 * @throws DataError with what they look like; then no box is used
 */
async function requireEdges(
  collect: Collector,
  manifest: string,
  rows: readonly ManifestRow[],
  files: PathFinder,
): Promise<void> {
  const name = collect.file(manifest);
  const all = rows.flatMap(({ bare }) => bare);
  if (all.length === 0) return;
  const values = all.flatMap(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1]);
  if (values.every((v) => v >= 0 && v <= 1) && !values.every(Number.isInteger)) {
    throw new DataError(`${name}: its boxes look like fractions of the image, all between 0 and 1: pixels are needed`);
  }
  const backward = ({ x0, y0, x1, y1 }: Box) => x1 <= x0 || y1 <= y0;
  const first = rows.find((row) => row.bare.some(backward));
  if (first === undefined) return;
  // Edges fit as x y width height only in about the upper left quarter: hardly for a whole manifest.
  let misfits = 0;
  for (const { image, bare, drawnOn } of rows) {
    if (bare.length === 0) continue;
    const size =
      drawnOn ??
      (await files
        .find(image)
        .then((file) => collect.imageSize(file))
        .catch(() => undefined));
    if (size === undefined) continue;
    for (const { x0, y0, x1, y1 } of bare) {
      const fits = x1 > 0 && y1 > 0 && x0 + x1 <= size.width + 1 && y0 + y1 <= size.height + 1;
      if (!fits && ++misfits > MAX_MISFIT_SHARE * all.length) return;
    }
  }
  const count = all.filter(backward).length;
  throw new DataError(
    `${name}: its boxes look like x y width height: ${count} of ${all.length} end before they begin, the first in line ` +
      `${first.line}, but they fit as x y width height. Write x0 y0 x1 y1, or name the column boxes_xywh; none is used`,
  );
}

/** Whether the boxes of several images look like percentages: none beyond 100, though the images are much larger. */
async function mayBePercent(collect: Collector, rows: readonly ManifestRow[], files: PathFinder): Promise<boolean> {
  const boxed = rows.filter(({ bare, drawnOn }) => bare.length > 0 && drawnOn === undefined);
  if (boxed.length < MIN_IMAGES || boxed.some(({ bare }) => bare.some(({ x1, y1 }) => x1 > 100 || y1 > 100)))
    return false;
  for (const { image } of boxed) {
    const size = await files
      .find(image)
      .then((file) => collect.imageSize(file))
      .catch(() => undefined);
    if (size && (size.width < LARGE_SIDE_PIXELS || size.height < LARGE_SIDE_PIXELS)) return false;
  }
  return true;
}

/** Minimum number of images, and of pixels on each side, for which boxes that all end by 100 are suspicious. */
const MIN_IMAGES = 3;
const LARGE_SIDE_PIXELS = 200;

/** Maximum share of boxes that do not fit as x y width height, for a manifest to count as written like that. */
const MAX_MISFIT_SHARE = 0.02;

async function readRow(
  row: ManifestRow,
  set: SetFiles,
  files: PathFinder,
  remarks: Remarks,
  words: ClassWords,
): Promise<Sample> {
  const { image, label, masks, outlines, patient, side, fold, cropped } = row;
  const file = await files.find(image);
  const size = await set.imageSize(file);
  const normal = row.empty || isNormal(label, words);
  if (row.boxes.length + masks.length + outlines.length === 0 && !row.empty) {
    throw new DataError("has neither boxes nor a mask");
  }
  const nodules = await readNodules();
  const id = tidy(image);
  const sample: Sample = {
    id,
    file,
    // The frames of one loop show one patient, known or not.
    group: groupOf(patient, id.replace(/#\d+$/, "")),
    label,
    ...nodules,
    ...outlineOf(nodules.boxes, normal),
  };
  if (side !== undefined) sample.side = side;
  if (fold !== undefined) sample.fold = fold;
  if (cropped) sample.cropped = true;
  return sample;

  async function readNodules(): Promise<Nodules> {
    const outlined =
      outlines.length > 0 ? await nodulesOfOutlines(set, await found(outlines), size, remarks) : undefined;
    // Boxes locate each nodule; a mask beside them is for people, since it may show the ellipses in them.
    const nodules: Nodules =
      row.boxes.length > 0
        ? { boxes: placed(row.boxes, size, row.drawnOn, remarks) }
        : masks.length > 0 || !outlined
          ? await nodulesOfMasks(await found(masks), size, remarks, { normal })
          : outlined;
    return outlined ? { ...nodules, shape: outlined.shape } : nodules;
  }

  async function found(names: readonly string[]) {
    return Promise.all(names.map(async (name) => ({ name, file: await files.find(name) })));
  }
}
