/** The open project, its annotations with undo, and their saving. */
import { computed, signal } from "@preact/signals";
import type { ClassEdit } from "../annotate/classes.ts";
import { History } from "../annotate/history.ts";
import { filtered, type Filter } from "../project/filter.ts";
import { annotationOf, changed, type Annotation, type Project } from "../project/project.ts";
import type { ImagesApi, ImportEvent, ProjectSummary } from "../worker/images.ts";
import type { FileEntry } from "../../src/web/set-files.ts";
import { connect, type RemoteApi } from "../worker/rpc.ts";
import { startWorker } from "./start-worker.ts";
import { keep, kept } from "./kept.ts";
import { messageOf, say } from "./messages.ts";

export const projects = signal<readonly ProjectSummary[]>([]);
export const project = signal<Project | undefined>(undefined);
/** What is being read or made. */
export const importing = signal<(ImportEvent & { stop: () => void }) | undefined>(undefined);
export const filter = signal<Filter>({ text: "" });
/** Index of the image that was last looked at. */
export const current = signal<number | undefined>(undefined);
/** Whether all annotations are in the store. */
export const saved = signal(true);

/** Indices of the images that the filter keeps. */
export const shown = computed(() => (project.value ? filtered(project.value, filter.value) : []));

let worker: RemoteApi<ImagesApi> | undefined;

export function imagesWorker(): RemoteApi<ImagesApi> {
  if (worker) return worker;
  const started = startWorker("images");
  worker = connect<ImagesApi>(started, (error) => {
    started.terminate();
    worker = undefined;
    say(error.message);
  });
  return worker;
}

export async function listProjects(): Promise<void> {
  try {
    projects.value = await imagesWorker().list();
  } catch (error) {
    say(messageOf(error));
  }
}

/** Runs what makes or opens a project, with progress, and shows it. */
async function make(
  work: (options: { onEvent: (event: ImportEvent) => void; signal: AbortSignal }) => Promise<Project>,
) {
  await flush();
  const controller = new AbortController();
  const stop = () => controller.abort();
  importing.value = { what: "Opening", done: 0, total: 0, stop };
  try {
    const made = await work({
      onEvent: (event) => (importing.value = { ...event, stop }),
      signal: controller.signal,
    });
    show(made);
    await listProjects();
  } catch (error) {
    if (!controller.signal.aborted) say(messageOf(error));
  } finally {
    importing.value = undefined;
  }
}

function show(opened: Project | undefined): void {
  histories.clear();
  unsaved.clear(); // Those of another project that could not be saved wait for its next opening.
  saved.value = true;
  project.value = opened;
  filter.value = { text: "" };
  current.value = undefined;
}

export const openProject = (name: string): Promise<void> =>
  make(async (options) => {
    await saveLeftover(name);
    return imagesWorker().open(name, options);
  });

export const makePhantom = (name: string, scanner: string, seed: number, count: number): Promise<void> =>
  make((options) => imagesWorker().makePhantom(name, scanner, seed, count, options));

/** @param format the layout; "" if it is to be recognised */
export const importFiles = (name: string, entries: readonly FileEntry[], format: string): Promise<void> =>
  make(async (options) => {
    // Otherwise the browser may delete them when space runs short. It may refuse, and keeps them all the same.
    await navigator.storage.persist().catch(() => false);
    return imagesWorker().importFiles(name, entries, format, options);
  });

/** Closes the project: other tabs may open it. */
export async function closeProject(): Promise<void> {
  await flush();
  show(undefined);
  try {
    await imagesWorker().close();
  } catch (error) {
    say(messageOf(error));
  }
  await listProjects();
}

export async function removeProject(name: string): Promise<void> {
  if (project.value?.name === name) show(undefined);
  keep("browser", placeOf(name), undefined);
  try {
    await imagesWorker().remove(name);
  } catch (error) {
    say(messageOf(error));
  }
  await listProjects();
}

const histories = new Map<number, History>();

function historyOf(index: number): History {
  const known = histories.get(index) ?? new History(annotationOf(project.value!.images[index]!));
  histories.set(index, known);
  return known;
}

/** Changes an image's annotation. @param gesture as in `History.change` */
export function annotate(index: number, change: Partial<Annotation>, gesture?: unknown): void {
  const history = historyOf(index);
  history.change(changed(history.present, change), gesture);
  apply([index]);
}

export const undo = (index: number): void => undoMany([index]);

/** Takes the last change of each of these images back. */
export function undoMany(indices: readonly number[]): void {
  for (const index of indices) historyOf(index).undo();
  apply(indices);
}

export function redo(index: number): void {
  historyOf(index).redo();
  apply([index]);
}

export const canUndo = (index: number): boolean => histories.get(index)?.canUndo ?? false;
export const canRedo = (index: number): boolean => histories.get(index)?.canRedo ?? false;

/** Whether undo brings an image's true outline back. */
export const wasOutlined = (index: number): boolean => histories.get(index)?.wasOutlined ?? false;

/** Changes several images' annotations. */
export function annotateMany(changes: ReadonlyMap<number, Partial<Annotation>>): void {
  for (const [index, change] of changes) {
    const history = historyOf(index);
    history.change(changed(history.present, change));
  }
  apply([...changes.keys()]);
}

function apply(indices: readonly number[]): void {
  const images = project.value!.images.slice();
  for (const index of indices) {
    const { present } = historyOf(index);
    images[index] = { ...images[index]!, ...present };
    unsaved.set(index, present);
  }
  project.value = { ...project.value!, images };
  keepUnsaved(project.value.name);
  saved.value = false;
  timer ??= setTimeout(() => void flush(), SAVE_AFTER_MS);
}

/**
 * Other classes; labels go with them, in what undo brings back too.
 *
 * @returns where a label goes; undefined if the classes are as before, which is then said
 */
export async function editClasses({ classes, places }: ClassEdit): Promise<Place | undefined> {
  const open = project.value!;
  await flush();
  // Those that could not be saved have labels of the classes as they were.
  if (unsaved.size > 0 || relabelling) return undefined;
  relabelling = true;
  try {
    const images = (await imagesWorker().editClasses(open.name, classes, places)).slice();
    if (project.value?.name !== open.name) return undefined;
    const place: Place = (label: number | null) => (label === null ? null : places[label]!);
    for (const history of histories.values()) history.relabel(place);
    const { label } = filter.value;
    if (typeof label === "number") filter.value = { ...filter.value, label: places[label] ?? undefined };
    // What was annotated meanwhile.
    for (const index of unsaved.keys()) {
      const { present } = historyOf(index);
      unsaved.set(index, present);
      images[index] = { ...images[index]!, ...present };
    }
    project.value = { ...project.value, classes, images };
    keepUnsaved(open.name);
    return place;
  } catch (error) {
    say(`The classes are as before: ${messageOf(error)}`);
    return undefined;
  } finally {
    relabelling = false;
    await flush();
  }
}

type Place = (label: number | null) => number | null;

/** Whether labels in the store are being changed: what is saved meanwhile would have those of before. */
let relabelling = false;

/** Changes are saved this long after the first of them: a drag is one write. */
const SAVE_AFTER_MS = 400;
/** Those that could not be saved are tried again; meanwhile someone may have made room. */
const TRY_AGAIN_AFTER_MS = 3000;
/** The open project's newest annotations that are not in the store yet, by image. */
const unsaved = new Map<number, Annotation>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Saves what has changed. What cannot be saved is kept and tried again with the next change, or later. */
export async function flush(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  const open = project.value;
  if (!open || unsaved.size === 0 || relabelling) return;
  const changes = changesOf(unsaved);
  try {
    await imagesWorker().annotate(open.name, changes);
    for (const { index, annotation } of changes) if (unsaved.get(index) === annotation) unsaved.delete(index);
    keepUnsaved(open.name);
    saved.value = unsaved.size === 0;
  } catch (error) {
    say(`The annotations are not saved: ${messageOf(error)}`);
    timer ??= setTimeout(() => void flush(), TRY_AGAIN_AFTER_MS);
  }
}

const changesOf = (annotations: ReadonlyMap<number, Annotation>): { index: number; annotation: Annotation }[] =>
  Array.from(annotations, ([index, annotation]) => ({ index, annotation }));

/** Where they are until then: a page that is closed has no time to ask its worker. */
const placeOf = (name: string): string => `unsaved annotations of ${name}`;

function keepUnsaved(name: string): void {
  // Another one was opened meanwhile: what is kept of this one is saved again at its next opening.
  if (project.value?.name !== name) return;
  // Where storage is refused, they are saved in a moment all the same.
  keep("browser", placeOf(name), unsaved.size === 0 ? undefined : JSON.stringify(changesOf(unsaved)));
}

/** Saves what a page that was closed at once has left. */
async function saveLeftover(name: string): Promise<void> {
  const left = kept("browser", placeOf(name));
  if (left === undefined) return;
  try {
    await imagesWorker().annotate(name, JSON.parse(left) as ReturnType<typeof changesOf>);
  } catch (error) {
    // Such as of another project that had this name. A storage that fails now may not fail later: they stay.
    if (!(error instanceof SyntaxError || (error as Error).name === "DataError")) throw error;
    say(`${name}: annotations that were not saved when the page was closed do not fit: ${messageOf(error)}`);
  }
  keep("browser", placeOf(name), undefined);
}

// A hidden page may be closed without another word.
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") void flush();
});
addEventListener("beforeunload", (event) => {
  if (saved.value) return;
  void flush();
  event.preventDefault();
});
