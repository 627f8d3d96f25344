/**
 * What an export loses, found by reading it back with the readers of data sets: what they do not find there, the format cannot
 * hold.
 */
import { openSet, type OpenOptions } from "../../../src/data/open-set.ts";
import { patientOf } from "../../../src/data/patient.ts";
import { DataError, type Box, type Classes, type Dataset, type Sample } from "../../../src/data/sample.ts";
import { DroppedFiles, type PictureDecoders } from "../../../src/web/set-files.ts";
import { giveWay } from "../../../src/web/give-way.ts";
import { type ExportedFiles, type ExportedImage, isUnmarked, type Mask } from "./image.ts";

/**
 * One line for each kind of loss; none where everything is read back.
 *
 * @throws the signal's reason
 */
export async function lossesOf(
  files: ExportedFiles,
  images: readonly ExportedImage[],
  classes: Classes,
  signal?: AbortSignal,
): Promise<string[]> {
  const set = setOf(files, images);
  const read = (options: OpenOptions) =>
    openSet(set, { ...options, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
      if (error instanceof DataError) return undefined;
      throw error;
    });
  const plain = compare(images, classes, await read({}));
  if (plain.length === 0) return [];
  const { names, positive } = classes;
  const named = { classes: names, positive: names[positive]!, missingClasses: "allow" as const };
  const others = compare(images, classes, await read(named));
  if (others.length >= plain.length) return plain;
  return [...others, `the list of classes, which the command line is told by --classes ${names.join(",")}`];
}

/** The set that readers see: the files, and in the place of each picture and mask its name. */
function setOf(files: ExportedFiles, images: readonly ExportedImage[]): DroppedFiles {
  const sizes = new Map(images.map(({ picture, width, height }) => [picture, { width, height }]));
  const nameIn = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const decoders: PictureDecoders = {
    imageSize: (bytes) => Promise.resolve(sizes.get(nameIn(bytes))!),
    async decodeLevels(bytes) {
      await giveWay();
      const { mask, ...size } = files.get(nameIn(bytes)) as Mask;
      return { ...size, channels: 1, levels: mask() };
    },
  };
  const named = [...sizes.keys(), ...files.keys()].map((name) => {
    const content = files.get(name);
    return { path: `export/${name}`, file: new Blob([typeof content === "string" ? content : name]) };
  });
  return new DroppedFiles(named, decoders);
}

function compare(images: readonly ExportedImage[], classes: Classes, dataset: Dataset | undefined): string[] {
  const samples = new Map((dataset?.samples ?? []).map((sample) => [sample.file.replace(/^export\//, ""), sample]));
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const image of images) {
    const sample = samples.get(image.name);
    if (!sample) count(isUnmarked(image) ? "unmarked" : image.empty ? "empty" : "gone");
    else for (const what of differences(image, classes, sample, dataset!.classes)) count(what);
  }
  const used = new Set(images.flatMap(({ label }) => (label === null ? [] : [label])));
  const lines = [...counts].map(([what, n]) => `${WORDS[what]!} ${n === 1 ? "1 image" : `${n} images`}`);
  if (dataset && samples.size > 0 && !sameClasses(classes, dataset.classes, used)) {
    lines.push("the classes' order, those without images, or which one is positive");
  }
  return lines;
}

const WORDS: Readonly<Record<string, string>> = {
  unmarked: "what is said of images on which nothing is marked:",
  empty: "that there is no nodule on",
  gone: "all that is said of",
  boxes: "the boxes of",
  class: "the class of",
  patient: "the patient of",
  side: "the side of",
  fold: "the fold of",
  outline: "the true outline of",
  cropped: "that they show tissue alone, of",
};

function differences(image: ExportedImage, classes: Classes, sample: Sample, read: Classes): string[] {
  const name = image.label === null ? undefined : classes.names[image.label];
  const found = sample.label === undefined ? undefined : read.names[sample.label];
  const same: Record<string, boolean> = {
    boxes: sameBoxes(image.boxes, sample.boxes),
    empty: image.empty === (sample.outline === "none"),
    class: name === found,
    // Frames of one loop are read as one patient's.
    patient: image.patient === "" || image.patient === (patientOf(sample) ?? ""),
    side: image.side === (sample.side ?? null),
    fold: image.fold === (sample.fold ?? null),
    outline: (image.shape === undefined) === (sample.shape === undefined),
    cropped: image.cropped === (sample.cropped ?? false),
  };
  return Object.keys(same).filter((what) => !same[what]);
}

/** A millionth of a pixel is no difference. */
const sameBoxes = (a: readonly Box[], b: readonly Box[]): boolean =>
  a.length === b.length &&
  a.every(({ x0, y0, x1, y1 }) =>
    b.some(
      (other) =>
        Math.max(Math.abs(x0 - other.x0), Math.abs(y0 - other.y0), Math.abs(x1 - other.x1), Math.abs(y1 - other.y1)) <
        1e-4,
    ),
  );

const sameClasses = (ours: Classes, read: Classes, used: ReadonlySet<number>): boolean =>
  used.size === 0 || (ours.names.join("\n") === read.names.join("\n") && ours.positive === read.positive);
