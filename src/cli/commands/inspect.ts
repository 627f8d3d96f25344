/** `mganet inspect`: shows what a folder of images holds, in numbers and on a contact sheet. */
import path from "node:path";
import sharp, { type Sharp } from "sharp";
import { isPhantom } from "../../data/phantom/scanner.ts";
import { phantomFrame, phantomSet } from "../../data/phantom/series.ts";
import { type Classes, DataError, type Dataset, type Prepared, type Skipped } from "../../data/sample.ts";
import { contactSheet, spread, type Tile } from "../../node/contact-sheet.ts";
import { type GreyImage, openImage, readImage } from "../../node/data/decode.ts";
import {
  className,
  countClasses,
  type Counts,
  crosses,
  type Inspection,
  inspectSet,
  type Range,
} from "../../node/data/inspect.ts";
import { openDataset } from "../../node/data/open.ts";
import { prepareDataset } from "../../node/data/prepare.ts";
import { folderImages, openOptions } from "../../node/image-source.ts";
import { readSplitFile } from "../../node/data/split-file.ts";
import type { SplitSides } from "../../runs/images.ts";
import { splitData } from "../../runs/sides.ts";
import { requireWritableFolder, writeWhole } from "../../node/files.ts";
import { checkConfig, presetFor, type TrainConfig } from "../../train/config.ts";
import { type ConfigFlags, requireDataEffect, splitOf } from "../settings.ts";
import { Progress } from "../progress.ts";
import { visibleName } from "../terminal.ts";

export type InspectOptions = ConfigFlags & { data: string; out: string; images: number };

/** Only fingerprints, sizes and crops of the prepared images are needed. */
const SMALL = { width: 32, height: 32 };

export async function inspect(options: InspectOptions): Promise<void> {
  const { data, out } = options;
  await requireWritableFolder(out);
  const config = configOf(options);
  const progress = new Progress();
  try {
    const { dataset, prepared, skipped, notes } = await read(config, progress);
    progress.clear();
    const found = inspectSet(dataset, prepared, skipped, notes);
    for (const line of show(found)) console.log(line);
    const split = trySplit(prepared, config, dataset.classes);
    for (const line of showSplit(split, dataset.classes)) console.log(line);
    const sheet = path.join(out, "contact-sheet.png");
    const shown = spread(prepared, options.images);
    const title = `${data}: ${shown.length} of ${prepared.length} images; boxes yellow, ellipses green, outlines red, crop blue`;
    await writeWhole(sheet, await contactSheet(tiles(shown, dataset), { ...TILE, title }));
    const report = path.join(out, "inspection.json");
    await writeWhole(report, `${JSON.stringify(found, null, 2)}\n`);
    console.log(`\nWritten: ${sheet} (${shown.length} images), ${report}`);
  } finally {
    progress.stop();
  }
}

/** A data set, and its images at a small size. */
interface Read {
  dataset: Dataset;
  prepared: Prepared[];
  skipped: Skipped[];
  notes: string[];
}

async function read(config: TrainConfig, progress: Progress): Promise<Read> {
  const { data, crop, phantomImages } = config;
  const onProgress = (done: number) => progress.update(done);
  if (isPhantom(data)) {
    progress.start("drawing the phantom", phantomImages);
    const small: TrainConfig = { ...config, size: [SMALL.height, SMALL.width] };
    const { classes, prepared } = await folderImages.prepare(small, { onProgress });
    return { dataset: phantomSet(data, classes, prepared), prepared, skipped: [], notes: [] };
  }
  const dataset = await openDataset(data, openOptions(config));
  progress.start("reading images", dataset.samples.length);
  const { prepared, skipped, notes } = await prepareDataset(dataset, { ...SMALL, crop, onProgress });
  return { dataset, prepared, skipped: [...dataset.skipped, ...skipped], notes: [...dataset.notes, ...notes] };
}

const TILE = { columns: 6, width: 240, height: 180 };

/** The settings that a training run with the same options would have. @throws ConfigError */
function configOf(flags: InspectOptions): TrainConfig {
  const { val, format, labelFrom, masksInverted, split, folds, fold, crop, seed, data } = flags;
  const { target, classes, positive, phantomImages } = flags;
  const reading = { format, labelFrom, masksInverted, target, classes, positive, phantomImages };
  const some = { ...reading, val, split, folds, fold, crop, seed };
  const given = Object.fromEntries(Object.entries(some).filter(([, v]) => v !== undefined));
  requireDataEffect({ data }, given);
  return checkConfig({ ...presetFor("quick", data), data, ...given, ...splitOf(flags) });
}

async function* tiles(shown: readonly Prepared[], { name, samples, classes }: Dataset): AsyncGenerator<Tile> {
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  for (const { id, label, source } of shown) {
    const { file, width, height, crop } = source!;
    const { boxes, shape: given } = byId.get(id)!;
    const phantom = isPhantom(name) ? phantomFrame(id) : undefined;
    const image = phantom ? sharpOf(phantom) : await openImage(await readImage(file));
    const shape = phantom?.outlines.map((polygon) => ({ polygon })) ?? given;
    const picture = { image, width, height, crop, boxes, ...(shape ? { shape } : {}), ellipses: true };
    yield { pictures: [picture], caption: `${id}  ${className(label, classes)}  ${width}x${height}` };
  }
}

const sharpOf = ({ width, height, grey }: GreyImage): Sharp =>
  sharp(grey, { raw: { width, height, channels: 1 } }).toColourspace("srgb");

/** The split that a training run would use, or why there is none. */
function trySplit(prepared: readonly Prepared[], config: TrainConfig, classes: Classes): SplitSides | string {
  try {
    return splitData(prepared, config, { classes, read: readSplitFile });
  } catch (error) {
    if (error instanceof DataError) return error.message;
    throw error;
  }
}

function showSplit(split: SplitSides | string, classes: Classes): string[] {
  if (typeof split === "string") return ["", `No split: ${split}`];
  const { train, val, test, left, how, notes } = split;
  const line = (name: string, images: readonly Prepared[]) =>
    `  ${name.padEnd(10)}${String(images.length).padStart(6)}   ${counts(countClasses(images, classes), classes.names)}`;
  return [
    "",
    `A training run would be split like this: ${how}`,
    line("train", train),
    line("held out", val),
    ...(test.length > 0 ? [line("test", test)] : []),
    ...(left.length > 0
      ? [
          `  left out  ${String(left.length).padStart(6)}   the first: ${visibleName(left[0]!.file)}: ${left[0]!.reason}`,
        ]
      : []),
    ...notes.map((note) => `  ${visibleName(note)}`),
  ];
}

function show(found: Inspection): string[] {
  const { images, classes, byClass, patients, patientsByClass, bySide, width, height, sizes, boxes } = found;
  const row = (name: string, text: string) => `${name.padEnd(16)} ${text}`;
  const several = Object.entries(found.boxesPerImage).map(([n, count]) => `${count} with ${n}`);
  return [
    row("format", found.format),
    row("images", `${images}: ${counts(byClass, classes)}`),
    row("patients", `${patients}: ${counts(patientsByClass, classes)}`),
    ...(bySide
      ? Object.entries(bySide).map(([side, c]) => row(`set's own ${side}`, `${total(c)}: ${counts(c, classes)}`))
      : []),
    ...(found.folds > 0 ? [row("set's own folds", String(found.folds))] : []),
    row(
      "width, height",
      `${pixels(width)}, ${pixels(height)}; most are ${sizes.map(([s, n]) => `${s} (${n})`).join(", ")}`,
    ),
    ...(boxes > 0
      ? [
          row("boxes", `${boxes} on ${images} images: ${several.join(", ")}`),
          row("box / image", percent(found.boxShare)),
        ]
      : [row("boxes", "none: nothing says where the nodules are")]),
    row("outlines", `${found.outlines} of ${images} images, for --mask-target outline`),
    row("crop / image", percent(found.cropShare)),
    ...showNear(found),
    ...showLeftOut(found),
    ...found.notes.slice(0, 10).map((note) => `note: ${visibleName(note)}`),
    ...(found.notes.length > 10 ? [`and ${found.notes.length - 10} more notes (inspection.json has all)`] : []),
  ];
}

function showNear({ nearPairs, bySide, folds }: Inspection): string[] {
  const between = nearPairs.filter(({ patients: [a, b] }) => a !== b);
  const acrossSides = nearPairs.filter(({ sides }) => crosses(sides));
  const acrossFolds = nearPairs.filter(({ folds }) => crosses(folds));
  const torn = nearPairs.filter(({ classes: [a, b] }) => a !== b && ![a, b].includes("unlabelled"));
  const list = (what: string, pairs: Inspection["nearPairs"]) => [
    `  ${String(pairs.length).padStart(4)} ${what}`,
    ...pairs
      .slice(0, 5)
      .map(
        ({ images: [a, b], classes }) =>
          `       ${visibleName(a)} = ${visibleName(b)}${what.includes("class") ? ` (${classes.join(", ")})` : ""}`,
      ),
    ...(pairs.length > 5 ? [`       and ${pairs.length - 5} more`] : []),
  ];
  return [
    `near-identical   ${nearPairs.length} pairs of images, which a split keeps together; of these`,
    ...list("of different patients", between),
    ...(bySide ? list("on different sides of the set's own split", acrossSides) : []),
    ...(folds > 0 ? list("in different folds of the set's own", acrossFolds) : []),
    ...list("of different class", torn),
  ];
}

function showLeftOut({ leftOut }: Inspection): string[] {
  const all = leftOut.reduce((sum, { count }) => sum + count, 0);
  return [
    `left out         ${all}`,
    ...leftOut.map(
      ({ reason, count, files }) =>
        `  ${String(count).padStart(4)} ${visibleName(path.basename(files[0]!))}${count > 1 ? " and others" : ""}: ${reason}`,
    ),
  ];
}

const total = (c: Counts) => Object.values(c).reduce((a, b) => a + b);
const counts = (c: Counts, names: readonly string[]) => {
  const { unlabelled = 0 } = c;
  const known = names.map((name) => (/^\d/.test(name) ? `${name}: ${c[name]!}` : `${c[name]!} ${name}`));
  return [...known, ...(unlabelled > 0 ? [`${unlabelled} without a class`] : [])].join(", ");
};
const pixels = ({ least, greatest }: Range) => (least === greatest ? `${least}` : `${least} to ${greatest}`);
const percent = ({ least, median, greatest }: Range) =>
  `median ${(100 * median).toFixed(1)} % (${(100 * least).toFixed(1)} to ${(100 * greatest).toFixed(1)} %)`;
