/** `mganet predict`: predicts class probabilities and nodule outlines of images. */
import path from "node:path";
import type { Box, Skipped } from "../../data/sample.ts";
import { ConfigError } from "../../models/config-error.ts";
import { InputError, requireWritableFolder, writeWhole } from "../../node/files.ts";
import { NO_OUTLINE, outline } from "../../explain/outline.ts";
import { overlay } from "../../node/overlay.ts";
import { drawExplained } from "../../node/panels.ts";
import { Activations, requireExplainable } from "../../runs/explain.ts";
import { Films, showFilm } from "../../runs/films.ts";
import { openModel, type OpenModel } from "../../runs/open-model.ts";
import { doubtOf } from "../../runs/doubt.ts";
import { inBatches, predictBatches, withFirst } from "../../runs/predict.ts";
import { verdictOf, type Verdict } from "../../runs/verdict.ts";
import type { Prediction } from "../../train/predictor.ts";
import { explainSettings, type ExplainFlags } from "../explain.ts";
import { NO_OUTLINES } from "../format.ts";
import { type Job, openJobs, pictureNames, requireOthers } from "../predict-images.ts";
import { BATCH, predictSet, type PredictSetOptions, setOptions } from "../predict-set.ts";
import { profiled, Profiler, type ProfileOptions } from "../profile.ts";
import { findCheckpoint } from "../targets.ts";
import { visibleName } from "../terminal.ts";
import { withTunedGpu, type TunedOption } from "../tuned.ts";

export interface PredictOptions extends TunedOption, ProfileOptions, ExplainFlags {
  run: string;
  out: string;
  half?: true;
  data?: string;
}

/** Either images, each with a picture of its prediction, or `--data`: a set, or a shard of one, as lines of a file. */
export async function predict(
  images: readonly string[],
  { data, ...options }: PredictOptions & Partial<PredictSetOptions>,
): Promise<number> {
  if (data !== undefined) {
    if (images.length > 0) throw new ConfigError("has no effect beside images named one by one", "data");
    const idle = (["explain", "scale", "class", "base"] as const).find((name) => options[name] !== undefined);
    if (idle) throw new ConfigError("has no effect with --data: name the images that are to be explained", idle);
    return predictSet({ ...options, data });
  }
  if (images.length === 0) throw new InputError("name images, or a folder or manifest of them with --data");
  const idle = setOptions.find((name) => options[name] !== undefined);
  if (idle) throw new ConfigError("has no effect without --data", idle);
  await predictImages(images, options);
  return 0;
}

async function predictImages(images: readonly string[], options: PredictOptions): Promise<void> {
  const { out } = options;
  const pictures = pictureNames(images);
  await requireWritableFolder(out);
  await Profiler.check(options);
  requireOthers(images, [...pictures, ...pictures.map(panelName)], out);
  const loaded = await findCheckpoint(options.run);
  const { config } = loaded.checkpoint;
  const explain = await explainSettings(options);
  if (explain) requireExplainable(loaded, explain);
  const [height, width] = config.size;
  const skipped: Skipped[] = [];
  const batches = inBatches(
    openJobs(images, pictures, {
      ...{ width, height, crop: config.crop, resize: config.resize, out },
      onSkip: (left) => {
        skipped.push(left);
        console.error(visibleName(`left out: ${left.file}: ${left.reason}`));
      },
      onNote: (name, note) => console.log(visibleName(`note: ${name}: ${note}`)),
    }),
    BATCH,
  );
  // Unusable input is reported before the network is loaded.
  const next = await batches.next();
  const results: Result[] = [];
  const films = new Films();
  const { outlines, classes } = await withTunedGpu(options, async (gpu) => {
    using open = openModel(gpu, loaded);
    introduce(open);
    const batch = next.done ? BATCH : next.value.length;
    const predictor = await open.predictor({ batch, half: options.half ?? false });
    using activations = explain && (await Activations.create(gpu, open, explain, batch));
    const task = { ...profiled(gpu, predictor, options), activations };
    for await (const answers of predictBatches(withFirst(next, batches), task)) {
      // Pictures are compressed in parallel, and reported in order.
      const drawing = answers.map(async ({ job, prediction, explained }) => {
        const panel = explained && (await drawExplained(explained, activations!, open, job.picture)).png;
        return conclude(job, prediction, open, { out, panel });
      });
      for (const [i, { result, line }] of (await Promise.all(drawing)).entries()) {
        const { job, prediction } = answers[i]!;
        console.log(line);
        const doubt = doubtOf(prediction)?.text;
        if (doubt !== undefined) console.log(visibleName(`note: ${result.image}: ${doubt}`));
        results.push(doubt === undefined ? result : { ...result, note: doubt });
        const score = open.isClassifier ? prediction.probabilities?.[open.classes.positive] : undefined;
        films.add(job.film, { image: result.image, box: result.box, score });
      }
    }
    return { outlines: open.hasOutlines, classes: open.classes };
  });
  const loops = films.summaries(outlines, classes);
  for (const loop of loops) console.log(visibleName(showFilm(loop)));
  const report = {
    ...{ checkpoint: loaded.file, note: "for research; not a medical device" },
    ...(outlines ? {} : { outlines: "not learned" }),
    predictions: results,
    ...(loops.length > 0 ? { loops } : {}),
    skipped,
  };
  await writeWhole(path.join(out, "predictions.json"), `${JSON.stringify(report, null, 2)}\n`);
  const written = `${results.length} picture${results.length === 1 ? "" : "s"}`;
  console.log(
    `\nWritten to ${out}: predictions.json${explain ? "," : " and"} ${written}${explain ? `, and panels in ${PANELS}/` : ""}`,
  );
}

/** Says what the predictions will lack, before the first of them. */
function introduce({ hasOutlines, isClassifier, model }: OpenModel): void {
  if (!hasOutlines && model.spec.explain.takesMask) console.log(NO_OUTLINES);
  if (!isClassifier) console.log("The classifier of this checkpoint has not been trained yet: outlines only.");
}

export type Result = Verdict & {
  /** The image's name; `loop.dcm#12` for a film's frame. */
  image: string;
  /** null if there is no nodule, or the network has not learned outlines. */
  box: Box | null;
  picture: string;
  /** With --explain. */
  panel?: string;
  /** Why the answer cannot be relied on. */
  note?: string;
};

/** Draws the picture of a prediction and reports it. */
async function conclude(
  { name, picture, target, image, film }: Job,
  { probabilities, mask }: Prediction,
  { hasOutlines, isClassifier, classes }: Pick<OpenModel, "hasOutlines" | "isClassifier" | "classes">,
  { out, panel }: { out: string; panel: Buffer | undefined },
): Promise<{ result: Result; line: string }> {
  const { width, height, source } = image;
  const found = hasOutlines && mask ? outline(mask, width, height, source!.crop) : NO_OUTLINE;
  const { verdict, text } = verdictOf(isClassifier ? probabilities : undefined, classes);
  await writeWhole(path.join(out, target), await overlay(picture, found, text));
  const where = found.box ? `nodule at ${showBox(found.box)}` : "no nodule found";
  const said = [...(text ? [text.long] : []), ...(hasOutlines ? [where] : [])];
  const line = `${visibleName(name)}${film ? ` of ${film.frames}` : ""}: ${said.join(", ")}`;
  const result = { image: name, ...verdict, box: found.box ?? null, picture: target };
  if (!panel) return { result, line };
  await writeWhole(path.join(out, panelName(target)), panel);
  return { result: { ...result, panel: panelName(target) }, line };
}

const showBox = ({ x0, y0, x1, y1 }: Box) => `${x0.toFixed(0)},${y0.toFixed(0)} to ${x1.toFixed(0)},${y1.toFixed(0)}`;

/** Folder of the panels within the output folder. */
const PANELS = "explained";
const panelName = (picture: string) => `${PANELS}/${picture}`;
