/** A run's report, as the command line writes it. Loaded when needed: plots, and a document to make them in. */
import { parseHTML } from "linkedom/worker";
import { pngText } from "../../src/data/pictures/png-text.ts";
import { DataError, type Prepared } from "../../src/data/sample.ts";
import type { CasePicture } from "../../src/report/cases.ts";
import type { ExplainedCase } from "../../src/report/run.ts";
import { casePictures } from "../../src/runs/case-pictures.ts";
import { chooseImages } from "../../src/runs/choose-images.ts";
import { explainImages, isExplainable } from "../../src/runs/explain.ts";
import type { ImageSource } from "../../src/runs/images.ts";
import { openModel } from "../../src/runs/open-model.ts";
import { imagesToShow, readRun, REPORT, writeRunReport } from "../../src/runs/report.ts";
import { runCheckpoint, type Loaded } from "../../src/runs/run.ts";
import { InputError, readText, type Store } from "../../src/runs/store.ts";
import type { KeptGpu } from "../../src/web/open-gpu.ts";
import { explainedPanel } from "./explained-panel.ts";

/** What a report shows beside figures, plots and tables. */
export interface ReportRequest {
  /** Of single images, with boxes and masks. */
  pictures?: boolean;
  /** Maps of what the classifier looks at, which take longest. */
  activations?: boolean;
}

export interface MadeReport {
  html: string;
  /** What it lacks, as it says itself. */
  lacks: readonly string[];
}

export interface ReportTask extends ReportRequest {
  source: ImageSource;
  device: KeptGpu;
  /** Why the GPU should be left alone. */
  busy?: string | undefined;
  /** Hears of what is being done. */
  emit?: (what: string) => void;
}

interface Pictures {
  pictures: Map<string, CasePicture>;
  explained: ExplainedCase[];
  lacks: string[];
}

/** Makes a run's report, and keeps it with the run. @throws InputError, DataError for a run that cannot be read */
export async function makeReport(store: Store, task: ReportTask): Promise<MadeReport> {
  const { pictures, explained, lacks } = await shown(store, task);
  task.emit?.("Drawing the figures");
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  await writeRunReport(store, document, { pictures, explained, lacks });
  return { html: await readText(store, REPORT), lacks };
}

async function shown(store: Store, task: ReportTask): Promise<Pictures> {
  const found: Pictures = { pictures: new Map(), explained: [], lacks: [] };
  const { predictions } = await readRun(store);
  const chosen = imagesToShow(predictions);
  if (!chosen) return found;
  if (task.pictures !== true) return { ...found, lacks: ["Made without pictures of the images."] };
  if (task.busy !== undefined) return { ...found, lacks: [`Made without pictures of the images: ${task.busy}.`] };
  const { emit = () => {} } = task;
  try {
    const loaded = await runCheckpoint(store);
    const images = await readImages(loaded, chosen.on, task);
    const of = (ids: ReadonlySet<string>) => images.filter(({ id }) => ids.has(id));
    const gpu = await task.device.open();
    emit("Predicting the images");
    {
      using open = openModel(gpu, loaded);
      found.pictures = await casePictures(open, of(chosen.ids), (p) => pngText(p, p.grey));
    }
    if (!isExplainable(loaded.checkpoint)) return found;
    if (task.activations !== true) return { ...found, lacks: ["Made without the activations of the classifier."] };
    found.lacks.push("Activations are shown over the part of an image that the network sees, not the whole image.");
    emit("Explaining the images");
    for await (const { explained, by, open } of explainImages(gpu, loaded, of(chosen.explained))) {
      found.explained.push(explainedPanel(explained, by, open));
    }
    return found;
  } catch (error) {
    // The images may be gone, or never have been here.
    if (!(error instanceof DataError || error instanceof InputError)) throw error;
    return { ...found, lacks: [...found.lacks, `Made without pictures of the images: ${error.message}.`] };
  }
}

async function readImages(loaded: Loaded, on: "val" | "test", { source, emit }: ReportTask): Promise<Prepared[]> {
  const { images } = await chooseImages(
    source,
    loaded,
    { on },
    {
      emit: ({ done, total }) => emit?.(`Reading image ${done} of ${total}`),
    },
  );
  return images;
}
