/** Makes a project of a set's files: its annotations by the readers of the command line, its pictures copied into the project. */
import { type Fingerprint, nearPairs } from "../../src/data/fingerprint.ts";
import { benignMalignant } from "../../src/data/classes.ts";
import { cropToTissue } from "../../src/data/crop-image.ts";
import { IMAGE_FILE } from "../../src/data/layouts/stems.ts";
import { openSet } from "../../src/data/open-set.ts";
import { patientOf } from "../../src/data/patient.ts";
import { frameAmong, frameName, frameOf } from "../../src/data/picture-name.ts";
import { fingerprint } from "../../src/data/picture-fingerprint.ts";
import type { PictureFile } from "../../src/data/pictures/picture-file.ts";
import { DataError, type Dataset, reasonOf, type Sample, type Shape } from "../../src/data/sample.ts";
import type { Store } from "../../src/runs/store.ts";
import { giveWay } from "../../src/web/give-way.ts";
import { DroppedFiles, type FileEntry, type PictureDecoders } from "../../src/web/set-files.ts";
import { writeOutlines } from "./outlines.ts";
import type { Project, ProjectImage } from "./project.ts";

/** Opens a picture's file, as `openPictureFile` of src/web. */
export type OpenPicture = (bytes: Uint8Array) => Promise<PictureFile>;

const decodersOf = (open: OpenPicture): PictureDecoders => ({
  async imageSize(bytes, picture) {
    const file = await open(bytes);
    return file.size(frameAmong(file.frames, picture));
  },
  async decodeLevels(bytes, picture) {
    const file = await open(bytes);
    return file.levels(frameAmong(file.frames, picture));
  },
});

export interface ImportTask {
  name: string;
  entries: readonly FileEntry[];
  /** The layout, where it is not to be recognised. */
  format: string | undefined;
  /** The project's folder. */
  store: Store;
  open: OpenPicture;
  onProgress: (what: string, done: number, total: number) => void;
  signal: AbortSignal;
}

/** @throws DataError if no picture can be read; InputError if they cannot be stored; the signal's reason */
export async function importSet(task: ImportTask): Promise<Project> {
  const { name, entries, format, store, open, signal } = task;
  const set = new DroppedFiles(entries, decodersOf(open));
  task.onProgress("Reading annotations", 0, 0);
  const dataset = await openSet(set, { ...(format === undefined ? {} : { format }), signal }).catch(
    (error: unknown) => {
      // A layout that was named must be there.
      if (format !== undefined || !(error instanceof DataError)) throw error;
      return unannotated(set, error.message);
    },
  );
  const images: ProjectImage[] = [];
  const prints: Fingerprint[] = [];
  const left = [...dataset.skipped];
  const outlines = new Map<string, Shape>();
  const pictures = new Pictures(set, store, open);
  for (const [i, sample] of dataset.samples.entries()) {
    await giveWay();
    signal.throwIfAborted();
    try {
      for (const { image, print } of await pictures.of(sample)) {
        images.push(image);
        prints.push(print);
        if (image.outlined) outlines.set(image.file, sample.shape!);
      }
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      left.push({ file: sample.file, reason: reasonOf(error) });
    }
    task.onProgress("Reading images", i + 1, dataset.samples.length);
  }
  if (images.length === 0) {
    const first = left[0];
    throw new DataError(`no picture can be read${first ? `; the first: ${first.file}: ${first.reason}` : ""}`);
  }
  await writeOutlines(store, outlines);
  return {
    format: "mganet-project-1",
    name,
    source: { kind: "files" },
    classes: dataset.classes,
    ...{ images, left, notes: dataset.notes },
    twins: nearPairs(prints).map(([a, b]) => [images[a]!.id, images[b]!.id] as const),
  };
}

/** All pictures, without any annotation. */
function unannotated(set: DroppedFiles, reason: string): Dataset {
  const samples = set.pictures().map((id): Sample => {
    return { id, file: set.full(id), group: id, label: undefined, boxes: [] };
  });
  if (samples.length === 0) throw new DataError(reason);
  const note = `no annotations were recognised, so there are pictures only (${reason})`;
  return { name: "pictures", classes: benignMalignant, samples, skipped: [], notes: [note] };
}

/** Reads pictures, and copies each file once. */
class Pictures {
  readonly #set: DroppedFiles;
  readonly #store: Store;
  readonly #open: OpenPicture;
  /** Names in the project by the names in the set. */
  readonly #copied = new Map<string, string>();

  constructor(set: DroppedFiles, store: Store, open: OpenPicture) {
    this.#set = set;
    this.#store = store;
    this.#open = open;
  }

  /** One image, or of a film without annotations one for each frame. */
  async of(sample: Sample): Promise<{ image: ProjectImage; print: Fingerprint }[]> {
    const { bytes, picture } = await this.#set.readImage(sample.file);
    const file = await this.#open(bytes);
    const bare = sample.boxes.length === 0 && sample.label === undefined && picture.frame === undefined;
    const isFilm = file.frames.length > 1;
    const frames = isFilm && bare ? file.frames : [frameAmong(file.frames, picture)];
    const whole = picture.frame === undefined ? sample.file : frameOf(sample.file)!.file;
    const path = this.#set.inside(whole);
    const found: { image: ProjectImage; print: Fingerprint }[] = [];
    for (const frame of frames) {
      const grey = await file.grey(frame);
      // What a training could not use is left out now, with the reason, as `inspect` does.
      cropToTissue(grey, "adaptive", sample.cropped);
      const stored = await this.#copy(whole, bytes);
      const named = frames.length > 1 ? frameName(sample.id, frame) : sample.id;
      const image: ProjectImage = {
        id: named,
        file: isFilm ? frameName(stored, frame) : stored,
        path: isFilm ? frameName(path, frame) : path,
        ...{ width: grey.width, height: grey.height, cropped: sample.cropped === true },
        notes: grey.note === undefined ? [] : [grey.note],
        label: sample.label ?? null,
        boxes: sample.boxes,
        empty: sample.outline === "none",
        // The frames of one film show one patient, known or not.
        patient: patientOf(sample) ?? (frames.length > 1 ? sample.id : ""),
        ...{ side: sample.side ?? null, fold: sample.fold ?? null, outlined: sample.shape !== undefined },
      };
      found.push({ image, print: fingerprint(grey) });
    }
    return found;
  }

  async #copy(name: string, bytes: Uint8Array): Promise<string> {
    const known = this.#copied.get(name);
    if (known !== undefined) return known;
    const extension = /\.[a-z0-9]{1,5}$/i.exec(name)?.[0].toLowerCase() ?? "";
    const stored = `${String(this.#copied.size).padStart(6, "0")}${extension}`;
    await this.#store.folder("files").write(stored, bytes);
    this.#copied.set(name, stored);
    return stored;
  }
}

/** @throws DataError if the browser would not keep that much */
export async function requireSpace(entries: readonly FileEntry[]): Promise<void> {
  const bytes = entries.reduce((sum, { path, file }) => sum + (IMAGE_FILE.test(path) ? file.size : 0), 0);
  const { quota, usage = 0 } = await navigator.storage.estimate();
  if (quota === undefined || usage + bytes <= quota) return;
  const gibibytes = (n: number) => `${(n / 2 ** 30).toFixed(1)} GiB`;
  throw new DataError(
    `these pictures take ${gibibytes(bytes)}, and this browser keeps ${gibibytes(Math.max(0, quota - usage))} more: delete projects, or open fewer`,
  );
}
