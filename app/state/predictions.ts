/** What a model has predicted, for which images, and how it goes on. Results stay while one moves between views. */
import { computed, signal } from "@preact/signals";
import { frameOf } from "../../src/data/picture-name.ts";
import type { Box, Skipped } from "../../src/data/sample.ts";
import type { FileEntry } from "../../src/web/set-files.ts";
import { dataOf } from "../project/data-name.ts";
import type { Project, ProjectImage } from "../project/project.ts";
import { sharedClasses } from "../project/shared-classes.ts";
import type { ModelEntry } from "../worker/models.ts";
import type { Place } from "../worker/places.ts";
import type { PredictEvent, PredictedImage } from "../worker/predict.ts";
import { nameFor } from "./dropped.ts";
import { computeWorker } from "./engine.ts";
import { messageOf, say } from "./messages.ts";
import { project } from "./project.ts";

export interface Results {
  readonly model: ModelEntry;
  /** The weights that predicted; undefined before they were opened. */
  readonly stamp: string | undefined;
  /** Of the images, for people. */
  readonly title: string;
  readonly places: readonly Place[];
  /** In the order of the places. */
  readonly rows: readonly PredictedImage[];
  readonly left: readonly Skipped[];
  /** What differs from the command line. */
  readonly note: string | undefined;
  /** The project that the images are of, as it was then, and the index there of each place. */
  readonly of: { readonly project: Project; readonly indices: readonly number[] } | undefined;
}

/** A prediction in progress. */
export interface Progress {
  /** Places, which a film's file is one of. */
  readonly done: number;
  readonly total: number;
  /** Images a second, and seconds left; undefined before the first. */
  readonly speed: number | undefined;
  readonly left: number | undefined;
  readonly stopping: boolean;
}

export const results = signal<Results | undefined>(undefined);
export const progress = signal<Progress | undefined>(undefined);
/** At which the positive one of two classes is predicted. */
export const threshold = signal(0.5);
/** Index of the row that is shown in full. */
export const chosen = signal(0);

let controller: AbortController | undefined;

/** Ends it; what was predicted stays. */
export function stop(): void {
  controller?.abort();
  if (progress.value) progress.value = { ...progress.value, stopping: true };
}

/** Predicts images of a project. @param indices into its images */
export function predictProject(model: ModelEntry, open: Project, indices: readonly number[]): Promise<void> {
  const frames = new Map<string, number>();
  for (const { id } of open.images) {
    const file = frameOf(id)?.file;
    if (file !== undefined) frames.set(file, (frames.get(file) ?? 0) + 1);
  }
  const films = new Map(Array.from(frames, ([name, count]) => [name, { name, frames: count }]));
  const { name, source } = open;
  const places = indices.map((i): Place => {
    const { id, file, cropped } = open.images[i]!;
    const film = films.get(frameOf(id)?.file ?? "");
    const isFrame = film !== undefined && film.frames > 1;
    return {
      kind: "project",
      project: { name, source },
      image: { id, file, cropped },
      film: isFrame ? film : undefined,
    };
  });
  return begin(model, name, places, { project: open, indices });
}

/** Predicts pictures that are in no project. They stay where they are, and are read when they are needed. */
export function predictFiles(model: ModelEntry, entries: readonly FileEntry[]): Promise<void> {
  const order = new Intl.Collator("en", { numeric: true });
  const places = entries
    .filter(({ path }) => !/(?:^|\/)\./.test(path)) // Hidden files are nobody's pictures.
    .map(({ path, file }): Place => ({ kind: "file", name: path, file }))
    .sort((a, b) => (a.kind === "file" && b.kind === "file" ? order.compare(a.name, b.name) : 0));
  if (places.length === 0) {
    say("There was no file in that.");
    return Promise.resolve();
  }
  return begin(model, entries.length === 1 ? entries[0]!.path : nameFor(entries), places, undefined);
}

/** Predicts the same images with another model. */
export function predictAgain(model: ModelEntry): Promise<void> {
  const { title, places, of } = results.value!;
  return begin(model, title, places, of);
}

async function begin(model: ModelEntry, title: string, places: readonly Place[], of: Results["of"]): Promise<void> {
  if (progress.value) {
    say("A prediction is in progress: stop it first.");
    return;
  }
  controller = new AbortController();
  results.value = { ...{ model, title, places, of, stamp: undefined, note: undefined }, rows: [], left: [] };
  progress.value = { done: 0, total: places.length, speed: undefined, left: undefined, stopping: false };
  chosen.value = 0;
  const news = new News();
  try {
    const { signal } = controller;
    await computeWorker().predict(model.id, places, { signal, onEvent: (event) => news.take(event) });
    news.show();
    const { rows, left } = results.value;
    if (rows.length === 0 && !signal.aborted) {
      say(`None of these images can be predicted${left[0] ? `: ${left[0].file}: ${left[0].reason}` : "."}`);
    }
  } catch (error) {
    news.show();
    say(`The prediction has ended: ${messageOf(error)}`);
  } finally {
    progress.value = undefined;
  }
}

/** Shown at most so often: a table that changes faster cannot be read. */
const SHOW_EVERY_MS = 200;

/** Gathers what the worker tells, and shows it now and then. */
class News {
  #rows: PredictedImage[] = [];
  #left: Skipped[] = [];
  #done = 0;
  #shown = -Infinity;
  /** When the first images came, and how many they were: what came before them is loading and compiling. */
  #first: { time: number; images: number; done: number } | undefined;
  #images = 0;

  take(event: PredictEvent): void {
    if (event.type === "begun") {
      results.value = { ...results.value!, stamp: event.stamp, note: event.note };
      return;
    }
    if (event.type === "left") {
      this.#left.push(event.left);
    } else {
      this.#rows.push(...event.images);
      this.#images += event.images.length;
      this.#done = event.done;
      this.#first ??= { time: performance.now(), images: this.#images, done: this.#done };
    }
    if (performance.now() - this.#shown > SHOW_EVERY_MS) this.show();
  }

  show(): void {
    this.#shown = performance.now();
    const now = results.value!;
    results.value = { ...now, rows: [...now.rows, ...this.#rows], left: [...now.left, ...this.#left] };
    this.#rows = [];
    this.#left = [];
    const seconds = (this.#shown - (this.#first?.time ?? this.#shown)) / 1000;
    const images = this.#images - (this.#first?.images ?? 0);
    const done = this.#done - (this.#first?.done ?? 0);
    const { total } = progress.value!;
    progress.value = {
      ...progress.value!,
      done: this.#done,
      speed: images > 0 ? images / seconds : undefined,
      left: done > 0 ? ((total - this.#done) * seconds) / done : undefined,
    };
  }
}

/** What is known of an image. */
export interface Truth {
  /** Index into the model's classes; undefined if it has none of them. */
  readonly label: number | undefined;
  readonly boxes: readonly Box[];
}

/** The project of the results as it is now, where it is open, else as it was. */
const projectNow = computed(() => {
  const then = results.value?.of?.project;
  return then && project.value?.name === then.name ? project.value : then;
});

/** The image of a row in its project; undefined for files, and for an image that is there no longer. */
export function imageOf({ at, name }: PredictedImage): { index: number; image: ProjectImage } | undefined {
  const index = results.value?.of?.indices[at];
  const image = index === undefined ? undefined : projectNow.value?.images[index];
  return image?.id === name ? { index: index!, image } : undefined;
}

const shared = computed(() => {
  const [now, open] = [results.value, projectNow.value];
  return now && open ? sharedClasses(open.classes, now.model.classes) : [];
});

/** What the project says of a row's image; undefined for files. */
export function truthOf(row: PredictedImage): Truth | undefined {
  const found = imageOf(row);
  if (!found) return undefined;
  const { label, boxes } = found.image;
  return { label: label === null ? undefined : shared.value[label], boxes };
}

/** Whether the model learned from images of the project: figures of them then say nothing of new ones. */
export const trainedOnThese = computed(() => {
  const { model, of } = results.value ?? {};
  if (!model || !of) return false;
  const { name, source } = of.project;
  if (source.kind === "phantom" && source.scanner === model.data) return source.seed === model.dataSeed;
  return model.data === dataOf(name);
});

/** The project's classes that the model does not have. */
export const foreignClasses = computed(() =>
  shared.value.flatMap((at, i) => (at === undefined ? [projectNow.value!.classes.names[i]!] : [])),
);
