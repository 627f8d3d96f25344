/** Loads the images of a training run: prepares, splits and announces them. */
import { classNotes } from "../data/class-notes.ts";
import { benignMalignant, checkClassNames, type Classes, className } from "../data/classes.ts";
import { isPhantom } from "../data/phantom/scanner.ts";
import { DataError, type Prepared, type Skipped } from "../data/sample.ts";
import { classifies } from "../models/model.ts";
import { classesOf } from "../train/classes.ts";
import { checkConfig, externalImages, specOf, type TrainConfig } from "../train/config.ts";
import type { DataEvent, EventSink, RunEvent, SideCounts } from "./events.ts";
import type { ImageSource, KeptSplit, PreparedData, PrepareOptions, SplitSides } from "./images.ts";

/** The part of a run's summary about its data. */
export interface DataReport {
  name: string;
  /** How the split was made. */
  split: string;
  train: number;
  heldOut: number;
  test: number;
  skipped: Skipped[];
  notes: string[];
  external?: { name: string; images: number; skipped: Skipped[] };
}

export interface LoadOptions {
  /** Receives the progress of reading images. */
  emit: (event: Extract<RunEvent, { type: "preparing" }>) => void;
  signal?: AbortSignal;
}

/** Counts by class. */
function countSide(images: readonly Prepared[], classes: Classes): SideCounts {
  const byClass = Object.fromEntries(classes.names.map((name) => [name, 0]));
  for (const { label } of images) {
    const name = className(label, classes);
    byClass[name] = (byClass[name] ?? 0) + 1;
  }
  return { images: images.length, byClass };
}

/** The event that reports what was read from a data set. */
export function dataEvent(
  { name, classes, skipped, notes }: PreparedData,
  { train, val, test, left, how }: SplitSides,
  { folds, splitNotes }: Pick<DataEvent, "folds" | "splitNotes">,
): DataEvent {
  return {
    type: "data",
    ...{ name, how, folds, skipped: [...skipped, ...left], notes, splitNotes },
    train: countSide(train, classes),
    val: countSide(val, classes),
    test: test.length > 0 ? countSide(test, classes) : null,
  };
}

/** The same for an external set. @param classes the network's */
export const externalEvent = (
  { name, prepared, skipped, notes }: PreparedData,
  classes: Classes,
): Extract<RunEvent, { type: "external" }> => ({
  type: "external",
  ...{ name, images: countSide(prepared, classes), skipped, notes },
});

/** Reads and prepares the images of a configuration, emitting progress events. @throws DataError */
export function prepareImages(
  source: ImageSource,
  config: TrainConfig,
  { emit, signal, ...options }: LoadOptions & Pick<PrepareOptions, "bare" | "missingClasses">,
): Promise<PreparedData> {
  const what = isPhantom(config.data) ? "phantom" : "images";
  return source.prepare(config, {
    ...options,
    ...(signal ? { signal } : {}),
    onProgress: (done, total) => emit({ type: "preparing", what, done, total }),
  });
}

/**
 * Adds the data set's classes to the settings if these name none and the set has others than benign and malignant, so that a
 * run's record states its network's classes.
 */
export const withClasses = (config: TrainConfig, classes: Classes): TrainConfig =>
  statesClasses(config, classes)
    ? config
    : checkConfig({ ...config, classes: [...classes.names], positive: classes.names[classes.positive] });

/** Whether the settings are for these classes; none named means benign and malignant. */
function statesClasses(config: TrainConfig, { names, positive }: Classes): boolean {
  // A positive class named without the others may be one of the set's own, so the names are compared before it is looked up.
  const own = config.classes === undefined ? benignMalignant.names : checkClassNames(config.classes);
  return own.join() === names.join() && classesOf(config).positive === positive;
}

/**
 * Checks that a set still has the classes that a network was trained for: a network's outputs are numbered, and a set whose classes were
 * renamed or put in another order since would give them other meanings. A configuration without classes means benign and malignant.
 * @throws DataError
 */
export function requireClassesOf(config: TrainConfig, classes: Classes): void {
  if (statesClasses(config, classes)) return;
  const text = ({ names, positive }: Classes) => `${names.join(", ")} (positive: ${names[positive]!})`;
  throw new DataError(
    `${config.data}: has the classes ${text(classes)}, and this run was trained on ${text(classesOf(config))}: give the images those classes, in that order`,
  );
}

const externalOptions = { bare: "keep", missingClasses: "allow" } as const;

/** The settings for reading the external set. It looks for the network's classes, whatever others the set has. */
function externalConfig(config: TrainConfig): TrainConfig {
  const { names, positive } = classesOf(config);
  const classes = { classes: [...names], positive: names[positive]! };
  const phantomImages = externalImages(config);
  return { ...config, data: config.external, phantomImages, format: "auto", masksInverted: false, ...classes };
}

/** Checks all that can be known without decoding an image. @returns the settings with the set's classes. @throws DataError */
export async function checkImages(source: ImageSource, given: TrainConfig): Promise<TrainConfig> {
  const config = withClasses(given, await source.check(given));
  if (config.external !== "") await source.check(externalConfig(config), externalOptions);
  return config;
}

/**
 * The images of a run's external set, without those that it was trained on.
 * @throws DataError if none is left
 */
export async function prepareExternal(
  source: ImageSource,
  config: TrainConfig,
  seen: readonly Prepared[],
  options: LoadOptions,
): Promise<PreparedData> {
  const { external: data } = config;
  const found = await prepareImages(source, externalConfig(config), { ...options, ...externalOptions });
  const { images, left } = source.withoutSeen(found.prepared, seen);
  if (images.length === 0) throw new DataError(`${data}: every image was trained on: none is external`);
  return { ...found, prepared: images, skipped: [...found.skipped, ...left] };
}

export interface TrainingImages {
  /** With the data set's classes. */
  config: TrainConfig;
  sides: SplitSides;
  /** The split in file form. */
  split: string;
  /** For the summary of the run. */
  report: DataReport;
  /** Images to evaluate after training. */
  others: Partial<Record<"test" | "external", Prepared[]>>;
}

/** Reads, prepares and splits the images of a training run. @throws DataError, ConfigError */
export async function loadImages(
  source: ImageSource,
  given: TrainConfig,
  kept: KeptSplit | undefined,
  options: Pick<LoadOptions, "signal"> & { emit: EventSink; resumes?: boolean },
): Promise<TrainingImages> {
  const { emit } = options;
  const data = await prepareImages(source, given, options);
  const { name, prepared, skipped, notes, classes } = data;
  if (options.resumes === true) requireClassesOf(given, classes);
  const config = withClasses(given, classes);
  const sides = source.split(prepared, config, kept);
  const { train, val, test, left, how } = sides;
  const classified = specOf(config).phases.some((phase) => classifies(phase) && config.epochs[phase.name]! > 0);
  const splitNotes = [...sides.notes, ...(classified ? classNotes(train, val, classes) : [])];
  const out = [...skipped, ...left];
  // Read before anything is reported, so that an unusable one is refused at once.
  const external =
    config.external === "" ? undefined : await prepareExternal(source, config, [...train, ...val], options);
  emit(dataEvent(data, sides, { folds: 0, splitNotes }));
  const report: DataReport = {
    ...{ name, split: how, train: train.length, heldOut: val.length, test: test.length },
    skipped: out,
    notes: [...notes, ...splitNotes],
  };
  const others: TrainingImages["others"] = test.length > 0 ? { test } : {};
  if (external) {
    others.external = external.prepared;
    const { name, skipped } = external;
    emit(externalEvent(external, classes));
    report.external = { name, images: external.prepared.length, skipped };
  }
  return { config, sides, split: source.splitText(sides, name), report, others };
}
