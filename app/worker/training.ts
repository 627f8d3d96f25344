/** The worker's methods of training: what it costs, the training itself, and what becomes of runs. */
import { isPhantom } from "../../src/data/phantom/scanner.ts";
import { oneLine } from "../../src/data/sample.ts";
import { ConfigError } from "../../src/models/config-error.ts";
import { originsOf, type Origin } from "../../src/models/spec.ts";
import { isExpected } from "../../src/runs/expected.ts";
import { withClasses } from "../../src/runs/load-data.ts";
import { hasCheckpoint, Run } from "../../src/runs/run.ts";
import { InputError, readJson } from "../../src/runs/store.ts";
import { checkConfig, outlinesOf, presetFor, type TrainConfig } from "../../src/train/config.ts";
import { estimateTime, type ImageCounts, type TimeEstimate } from "../../src/train/estimate.ts";
import { initialWeights, takenText } from "../../src/train/initial.ts";
import { needsOf, type Needs } from "../../src/train/needs.ts";
import { PageImages, type PreparedSets } from "../../src/web/image-source.ts";
import type { KeptGpu } from "../../src/web/open-gpu.ts";
import type { FileEntry } from "../../src/web/set-files.ts";
import { Runner, type RunEnd, type RunnerEvent } from "../../src/web/runner.ts";
import type { Followed } from "../../src/runs/followed.ts";
import { projectOf } from "../project/data-name.ts";
import { readOutlines } from "../project/outlines.ts";
import { preparedSet } from "../project/prepared.ts";
import type { ProjectImage } from "../project/project.ts";
import { loadProject, projectsStore } from "../project/project-store.ts";
import { openPicture } from "./pictures.ts";
import { loadSource, loadSourceAgain, type ModelId } from "./models.ts";
import type { MadeReport, ReportRequest } from "./report.ts";
import type { CallContext, Methods } from "./rpc.ts";
import type { Imported } from "./run-import.ts";
import { followedOf, listRuns, removeRun, requireIdle, runs, setNote, type RunInfo } from "./run-list.ts";
import { fieldsOf, modelInfos, type Field, type ModelInfo } from "./settings.ts";

/** Whether a configuration can be trained, and what it costs. */
export type Forecast = { ok: true; needs: Needs } | { ok: false; setting?: string; message: string };

/** What a training takes from the model that it begins from, in words, or why it cannot. */
export type Taken = { ok: true; text: string } | { ok: false; message: string };

/** What an estimate is doing. */
export interface EstimateEvent {
  title: string;
  what: "compiling" | "running";
}

const projectImages: PreparedSets = async (config, options) => {
  const project = await loadProject(projectOf(config.data));
  const outlines = await readOutlines(projectsStore.folder(project.name));
  const read = async (image: ProjectImage) => {
    const picture = await openPicture(project, image);
    return { grey: await picture.grey(), shape: outlines.get(image.file) };
  };
  return preparedSet(project, config, read, options);
};

/** About: which images lie on which side shows when they are read. */
async function countsOf(config: TrainConfig): Promise<ImageCounts> {
  const { val: share, folds } = config;
  const held = folds > 0 ? 1 / folds : share;
  const counts = (all: number, labelled: number): ImageCounts => {
    const val = Math.max(1, Math.round(all * held));
    return { train: all - val, labelled: Math.round(labelled * (1 - val / all)), val };
  };
  if (isPhantom(config.data)) return counts(config.phantomImages, config.phantomImages);
  const project = await loadProject(projectOf(config.data));
  const { needed } = outlinesOf(config);
  const images = project.images.filter(({ boxes, empty }) => !needed || boxes.length > 0 || empty);
  const labelled = images.filter(({ label }) => label !== null);
  if (!images.some(({ side }) => side === "val")) return counts(images.length, labelled.length);
  const on = (side: string, some: typeof images) => some.filter((image) => image.side === side).length;
  return { train: on("train", images), labelled: on("train", labelled), val: on("val", images) };
}

/** @param device what else is computed here shares it: a second one would compile everything again */
export function trainingMethods(device: KeptGpu) {
  const source = new PageImages(projectImages);
  /** Who hears of the training. */
  let listener: (event: RunnerEvent) => void = () => {};
  const runner = new Runner({ device, source, follow: "default", emit: (event) => listener(event) });
  /** The estimate in progress, which a training ends. */
  let estimating: { controller: AbortController; done: Promise<unknown> } | undefined;

  async function endEstimate(): Promise<void> {
    estimating?.controller.abort(new InputError("stopped"));
    await estimating?.done.catch(() => {});
  }

  /** A training, whose events go to the caller and which the caller's signal pauses. */
  async function training({ emit, signal }: CallContext<RunnerEvent>, begin: () => Promise<void>): Promise<RunEnd> {
    if (runner.isRunning) throw new InputError("a training is running: stop it first");
    await endEstimate();
    let end: RunEnd | undefined;
    listener = (event) => {
      if (event.type === "finished" || event.type === "stopped" || event.type === "failed") end = event;
      else emit(event);
    };
    const done = begin();
    const stop = () => runner.stop();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    await done;
    signal.removeEventListener("abort", stop);
    return end!;
  }

  return {
    async models(_: CallContext<never>): Promise<ModelInfo[]> {
      return Promise.resolve(modelInfos());
    },

    /** A model's settings for images of the page, and the fields in which they are shown. */
    async preset(
      model: string,
      preset: "quick" | "paper",
      data: string,
      _: CallContext<never>,
    ): Promise<{ config: TrainConfig; fields: Field[] }> {
      return Promise.resolve({ config: presetFor(preset, data, model), fields: fieldsOf(model) });
    },

    async forecast(config: unknown, _: CallContext<never>): Promise<Forecast> {
      try {
        return { ok: true, needs: needsOf(await device.open(), checkConfig(config)) };
      } catch (error) {
        const { message } = error as Error;
        const setting = error instanceof ConfigError ? error.setting : undefined;
        return { ok: false, message, ...(setting === undefined ? {} : { setting }) };
      }
    },

    async taken(config: unknown, from: ModelId, _: CallContext<never>): Promise<Taken> {
      try {
        const source = await loadSource(from);
        const checked = checkConfig({ ...(config as object), init: source.origin });
        const { classes } = isPhantom(checked.data) ? {} : await loadProject(projectOf(checked.data));
        const named = classes ? withClasses(checked, classes) : checked;
        const { parts, fresh } = initialWeights(named, [source]);
        return { ok: true, text: takenText(parts[0]!, fresh) };
      } catch (error) {
        if (!isExpected(error)) throw error;
        return { ok: false, message: (error as Error).message };
      }
    },

    /** What the configuration of a training says that begins from a model. */
    async origin(from: ModelId, _: CallContext<never>): Promise<Origin> {
      return (await loadSource(from)).origin;
    },

    /** Times a few steps. Never while a training runs; one that is started meanwhile ends it. */
    async estimate(config: unknown, { emit, signal }: CallContext<EstimateEvent>): Promise<TimeEstimate> {
      if (runner.isRunning) throw new InputError("a training is running: it shows its own time");
      await endEstimate();
      const controller = new AbortController();
      const stop = () => controller.abort(new InputError("stopped"));
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      const checked = checkConfig(config);
      const work = async () => {
        const onPhase = (title: string, what: EstimateEvent["what"]) => emit({ title, what });
        const counts = await countsOf(checked);
        return estimateTime(await device.open(), checked, counts, { signal: controller.signal, onPhase });
      };
      const own = { controller, done: work() };
      estimating = own;
      try {
        return await own.done;
      } catch (error) {
        // A device that has run out of memory says so for ever.
        await device.closeFailed();
        throw new InputError(oneLine((error as Error).message), { cause: error });
      } finally {
        signal.removeEventListener("abort", stop);
        if (estimating === own) estimating = undefined;
      }
    },

    /**
     * @param from the model whose weights it begins with; null: with random ones
     * @param follow ids of images to follow through the training, or "default"
     */
    async train(
      config: unknown,
      name: string,
      from: ModelId | null,
      follow: readonly string[] | "default",
      context: CallContext<RunnerEvent>,
    ): Promise<RunEnd> {
      const init = from === null ? undefined : [await loadSource(from)];
      return training(context, () => runner.start(config, runs.path(name), { init, follow }));
    },

    /** Ends the running training for good, with what it has learned as its result. */
    async end(_: CallContext<never>): Promise<void> {
      runner.end();
      return Promise.resolve();
    },

    async resume(name: string, context: CallContext<RunnerEvent>): Promise<RunEnd> {
      const store = runs.folder(name);
      if (await hasCheckpoint(store)) return training(context, () => runner.resume(store.name));
      // Closed before its first checkpoint: it begins again, with the same settings and images.
      const config = checkConfig(await readJson(store, "config.json"));
      const follow = (await followedOf(name))?.images.map(({ id }) => id) ?? "default";
      const init = config.init && (await Promise.all(originsOf(config).map(loadSourceAgain)));
      // Before what there is of it is removed.
      await device.open();
      await Run.reopen(store);
      return training(context, () => runner.start(config, store.name, { init, follow }));
    },

    async runs(_: CallContext<never>): Promise<RunInfo[]> {
      return listRuns();
    },

    /** The images followed through a run, and what each epoch said of them; null if there are none. */
    async followed(name: string, _: CallContext<never>): Promise<Followed | null> {
      return followedOf(name);
    },

    async setNote(name: string, note: string, _: CallContext<never>): Promise<void> {
      await setNote(name, note);
    },

    async removeRun(name: string, _: CallContext<never>): Promise<void> {
      await requireIdle(name);
      await removeRun(name);
    },

    /** A file of a run, such as best.safetensors. */
    async file(name: string, file: string, _: CallContext<never>): Promise<Uint8Array> {
      return runs.folder(name).read(file);
    },

    /** The page with all results of a run, as the command line writes it. */
    async report(name: string, request: ReportRequest, { emit }: CallContext<string>): Promise<MadeReport> {
      // Loaded when needed: the plots and a document to make them in.
      const { makeReport } = await import("./report.ts");
      const busy = runner.isRunning ? "a training is running" : undefined;
      return makeReport(runs.folder(name), { ...request, source, device, busy, emit });
    },

    /** A run's folder as a zip file. */
    async exportRun(name: string, _: CallContext<never>): Promise<Blob> {
      await requireIdle(name);
      const [{ zipped }, { makeReport }] = await Promise.all([import("./run-export.ts"), import("./report.ts")]);
      const store = runs.folder(name);
      if (!(await store.exists("report.html"))) await makeReport(store, { source, device });
      return zipped(store, name);
    },

    /** Takes runs out of files: zip files, or folders of the command line. */
    async importRuns(entries: readonly FileEntry[], _: CallContext<never>): Promise<Imported> {
      const { importRuns } = await import("./run-import.ts");
      return importRuns(entries);
    },
  } satisfies Methods;
}
