/** Defines the commands, their options and exit codes. */
import { existsSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { oneLine } from "../data/sample.ts";
import { exportFormats } from "../export/formats.ts";
import { precisions } from "../export/half.ts";
import { manifest } from "../node/packages.mjs";
import { fail } from "./fail.ts";
import {
  addExplainOptions,
  addProfileOptions,
  addSaveOption,
  addTunedOption,
  explainChoices,
  MODELS_METHOD,
} from "./options.ts";
import { models } from "../models/registry.ts";
import { PROPOSED, rowOf, studyNames, tableNumbers, tableOf, type TableId } from "../study/rows.ts";
import { parseSize as size } from "../train/config.ts";
import {
  addCommon,
  addModelOptions,
  addStudyModelOptions,
  byOption,
  commonNames,
  commonOption,
  modelOption,
  parsed,
  presetOption,
} from "./settings.ts";
import { shard } from "./shard-option.ts";
import { count, features, number, passedOn, studyList, tableList, text, texts, threshold } from "./values.ts";

/** Settings for which images to use and how to read them. */
const readSettings = ["format", "labelFrom", "masksInverted"] as const;
const classSettings = ["target", "classes", "positive"] as const;
const imageSettings = ["data", ...readSettings, ...classSettings, "phantomImages"] as const;
/** Settings for which images are held out. */
const splitSettings = ["val", "folds", "split"] as const;
/** Settings that differ between the runs of a study. */
const runSettings = ["fold", "seed", "splitSeed"] as const;
/** What a study has not: its rows are compared from their beginning on. */
const notOfStudies = ["init", "freeze"] as const;
/** All other settings. */
const trainSettings = commonNames.filter(
  (name) => ![...imageSettings, ...splitSettings, ...runSettings, ...notOfStudies].some((other) => other === name),
);
/** Model options that the rows of every table decide. */
const rowSettings = Object.keys(rowOf(PROPOSED).settings);
const textOf = (id: TableId): string => `${id}: ${tableOf(id).title}`;
const tableHelp = tableNumbers.map(textOf).join("; ");
const studyHelp = studyNames.map(textOf).join("; ");
/** Model options that affect the kernels' shapes. */
const shapeSettings = models.flatMap(({ shapedBy }) => shapedBy);

/** A command's return value: its exit code; nothing means 0. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type
type Outcome = number | void;

/**
 * Runs the command in `args`. Errors are printed, never thrown.
 * @returns the exit code: 0 success, 1 unexpected error or failed `verify`, 2 bad input, 130 interrupted, 129 hung up
 */
export async function run(args: readonly string[]): Promise<number> {
  const debug = args.includes("--debug");
  let code = 0;
  /** A command's action, loaded on demand, so that --help and small commands start at once. */
  const action =
    <A extends unknown[]>(load: () => Promise<(...args: A) => Promise<Outcome>>) =>
    async (...args: A): Promise<void> => {
      const command = await load();
      code = (await command(...args)) ?? 0;
    };
  try {
    await commands(action).parseAsync(withMethods(args), { from: "user" });
    return code;
  } catch (error) {
    // Commander has already printed its own errors and help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return fail(byOption(error), debug);
  }
}

/**
 * Lets what follows a plain --explain be an image or a run: the option's value is optional, and commander would take any word for
 * it. A word that is no method and looks like no file stays its value, which is then refused with the list of methods.
 */
export const withMethods = (args: readonly string[]): string[] =>
  args.map((arg, i) => {
    const next = args[i + 1];
    if (arg !== "--explain" || next === undefined || explainChoices.some((method) => method === next)) return arg;
    return /[./\\]/.test(next) || existsSync(next) ? `--explain=${MODELS_METHOD}` : arg;
  });

const adapterOption = (): Option =>
  new Option(
    "--adapter <name>",
    "the GPU adapter to use: a part of its name, or its position among all adapters, from 0",
  ).argParser(text);

type Action = <A extends unknown[]>(
  load: () => Promise<(...args: A) => Promise<Outcome>>,
) => (...args: A) => Promise<void>;

function commands(action: Action): Command {
  const program = new Command("mganet")
    .description(
      "MGA-Net on WebGPU: train, evaluate and run classifiers of thyroid nodules in ultrasound images.\nFor research; not a medical device.",
    )
    .version(manifest.version, "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => console.log(text.trimEnd()),
      writeErr: (text) => console.error(text.trimEnd()),
      outputError: (text, write) => write(oneLine(text.replace(/^error:/, "Error:").replace("\n(Did", " (Did"))),
    })
    .enablePositionalOptions();

  /** A command with the common options. */
  const command = (name: string, description: string): Command =>
    program.command(name).description(description).addOption(adapterOption()).option("--debug", "print stack traces");

  const train = command("train", "train on the built-in phantom, or on --data DIR")
    .addOption(presetOption())
    .addOption(modelOption());
  addModelOptions(addCommon(train, ["init", ...imageSettings, ...splitSettings, ...runSettings, ...trainSettings]));
  addProfileOptions(addTunedOption(addSaveOption(train)))
    .option("--out <dir>", "run folder (default: runs/DATE-PRESET-DATA)", text)
    .option("--resume <dir>", "resume the run in this folder; its settings are taken from there", text)
    .option("--tensorboard", "also write a TensorBoard event file into the run folder: tensorboard --logdir runs")
    .option("--summary", "print nodes, dispatches, FLOPs and memory of each phase's step")
    .option("--json <file>", "write the summary of the run", text)
    .action(action(async () => (await import("./commands/train.ts")).train));

  const reproduce = command("reproduce", "train the rows of the paper's tables, and print the tables")
    .option("--table <n>", `${tableHelp}; a list such as 3,4; or all`, tableList)
    .option("--study <name>", `a question that the paper leaves open: ${studyHelp}`, studyList)
    .addOption(presetOption());
  addStudyModelOptions(addCommon(reproduce, [...imageSettings, ...splitSettings, ...trainSettings]), {
    without: [...rowSettings, ...notOfStudies],
  });
  addTunedOption(addSaveOption(reproduce))
    .option("--seeds <n>", "trainings of each row, with seeds from 0", count, 5)
    .option("--split-seed <n>", "seed of the split and of the phantom's images, the same for all runs", number, 0)
    .addOption(
      new Option("--checkpoint <name>", "checkpoint of each run to evaluate").choices(["last", "best"]).default("last"),
    )
    .option("--published <file>", "figures to print alongside instead of the paper's (docs/study.md)", text)
    .option("--out <dir>", "study folder; an unfinished one is resumed (default: runs/study-PRESET-DATA)", text)
    .option(
      "--workers <n>",
      "processes that train at once on this machine, each on an adapter of its own if it has several",
      count,
    )
    .option("--slurm", "write job scripts into the study's folder and submit them; with --dry-run print them")
    .option("--partition <name>", "with --slurm, the partition", text)
    .option(
      "--time <limit>",
      "with --slurm, time limit of a task, such as 4:00:00; it is queued again with what is left",
      text,
    )
    .option("--gpus-per-task <n>", "with --slurm, graphics cards of a task", count)
    .option("--array-parallelism <k>", "with --slurm, tasks that run at once", count)
    .option("--sbatch <options>", "with --slurm, further options of sbatch, as one text", passedOn)
    .option("--dry-run", "show what would be done, and do nothing")
    .option("--json <file>", "write the study with its tables", text)
    .action(action(async () => (await import("./commands/reproduce.ts")).reproduce));

  const study = program.command("study").description("work on a study that reproduce has begun, or look at it");
  /** A command of `study`, with the options that all have. */
  const ofStudy = (name: string, description: string): Command =>
    study
      .command(name)
      .description(description)
      .argument("<dir>", "study folder", text)
      .option("--debug", "print stack traces");
  addTunedOption(addSaveOption(ofStudy("work", "train its runs, beside other processes, here or on other machines")))
    .addOption(adapterOption())
    .option("--run <n>", "only this run, by its number in `study status`", number)
    .option("--from <n>", "begin with this run, where many processes start at once", number)
    .option("--no-wait", "leave when other processes train all that is left")
    .option("--no-tables", "leave the tables and the report to others")
    .option("--only-tables", "train nothing: write the tables and the report, if all runs are finished")
    .action(action(async () => (await import("./commands/study.ts")).studyWork));
  ofStudy("status", "what each run is doing: where, how fast, how long still, and why it failed")
    .option("--json <file>", "write all of it", text)
    .action(action(async () => (await import("./commands/study.ts")).statusOfStudy));
  ofStudy("retry", "have runs that failed trained again").action(
    action(async () => (await import("./commands/study.ts")).retryStudy),
  );

  const inspect = command("inspect", "show what a folder of images holds: counts, sizes, duplicates, what is left out");
  addCommon(
    inspect.requiredOption("--data <dir>", "folder of images, the file of a manifest, phantom or phantom-b", text),
    [...readSettings, ...classSettings, "phantomImages", ...splitSettings, "fold", "crop"],
  )
    .option("--seed <n>", "seed of the split", number)
    .option("--images <n>", "images on the contact sheet", count, 48)
    .option("--out <dir>", "where contact-sheet.png and inspection.json go", text, "inspection")
    .action(action(async () => (await import("./commands/inspect.ts")).inspect));

  const prepare = command("prepare", "write crops, masks and a manifest of a folder of images")
    .requiredOption("--data <dir>", "folder of images, or the file of a manifest", text)
    .requiredOption("--out <dir>", "output folder; an unfinished one is resumed", text);
  addCommon(prepare, [...readSettings, ...classSettings])
    .addOption(commonOption("crop").default("adaptive"))
    .addOption(
      new Option("--size <pixels>", "size of the crops, or HEIGHTxWIDTH (default: 224)").argParser((value) =>
        parsed(size, value),
      ),
    )
    .option("--no-resize", "keep the crops at the size they have in the images")
    .option("--workers <n>", "threads (default: one for each core)", count)
    .action(action(async () => (await import("./commands/prepare.ts")).prepare));

  const evaluate = command(
    "evaluate",
    "all metrics of a run, with intervals, on its validation images or on --data DIR",
  );
  addExplainOptions(addTunedOption(evaluate), "the worst, least certain and best images")
    .option("--panels <n>", "with --explain, number of panels of each kind (default: 3)", count)
    .option("--out <dir>", "with --explain, where the panels go (default: explained)", text)
    .argument("<run>", "run folder, or a checkpoint file", text)
    .option("--data <dir>", "evaluate on all images of this folder instead, or of phantom or phantom-b", text);
  addCommon(evaluate, [...readSettings, "target"])
    .addOption(
      new Option("--on <images>", "which of the run's images (default: val)").choices(["val", "test", "external"]),
    )
    .addOption(
      new Option("--checkpoint <name>", "which checkpoint of a run folder (default: best if it exists)").choices([
        "best",
        "last",
      ]),
    )
    .option(
      "--threshold <p>",
      "lowest probability that predicts the positive class (default: 0.5); youden or f1: the best by that criterion, chosen on the run's validation images",
      threshold,
    )
    .option("--compare <run>", "compare the AUC with another run's on the same images, by DeLong's test", text)
    .option("--json <file>", "write figures and predictions, one entry an image", text)
    .action(action(async () => (await import("./commands/evaluate.ts")).evaluateRun));

  addExplainOptions(
    addProfileOptions(addTunedOption(command("predict", "class probabilities and nodule outlines of images"))),
    "what the classifier saw in each image",
  )
    .argument("[images...]", "image files", texts)
    .requiredOption("--run <dir>", "run folder, or a checkpoint file", text)
    .option("--out <dir>", "where predictions.json and the pictures go", text, "predictions")
    .option("--half", "store weights and activations in half precision, on adapters with shader-f16: less memory")
    .option("--data <dir>", "predict all images below a folder, or of a manifest, without pictures; resumes", text)
    .option("--shard <i/n>", "with --data, only this share of them; slurm or slurm/N: that of the array's task", shard)
    .option("--batch <n>", "with --data, images in the network at a time (default: 8)", count)
    .option("--workers <n>", "with --data, threads that read images (default: one for each core)", count)
    .action(action(async () => (await import("./commands/predict.ts")).predict));

  command("merge", "put the shards of predict --shard together")
    .argument("<dirs...>", "the --out folder of the shards, or several of them", texts)
    .option("--out <dir>", "where the results go (default: into that folder)", text)
    .action(action(async () => (await import("./commands/merge.ts")).merge));

  program
    .command("export")
    .description("write a run's network for other programs, as ONNX or for PyTorch, with a model card; needs no GPU")
    .requiredOption("--run <dir>", "run folder, or a checkpoint file", text)
    .addOption(new Option("--format <name>", "what to write").choices(exportFormats).makeOptionMandatory())
    .addOption(
      new Option("--checkpoint <name>", "which checkpoint of a run folder (default: best if it exists)").choices([
        "best",
        "last",
      ]),
    )
    .addOption(new Option("--precision <type>", "of weights and activations (default: f32)").choices(precisions))
    .option("--fold", "with onnx, fold batch normalisations into the convolutions before them")
    .option("--with-preprocessing", "with onnx, take grey levels from 0 to 255 and normalise them in the model")
    .option("--out <file>", "the model's file; its card lies beside it (default: exports/RUN)", text)
    .option("--force", "replace files that exist")
    .option("--debug", "print stack traces")
    .action(action(async () => (await import("./commands/export.ts")).exportRun));

  addTunedOption(command("report", "write report.html into the folder of a run or a study: all of it on one page"))
    .argument("<dir>", "folder of a run or a study", text)
    .option(
      "--base <run>",
      "a run without attention, such as --fusion none, whose activation is shown beside the run's",
      text,
    )
    .option("--watch", "of a study: write it every few seconds while it is worked on, without pictures")
    .option("--no-pictures", "leave out pictures of images, which need the data and a GPU")
    .action(action(async () => (await import("./commands/report.ts")).report));

  command("verify", "check this adapter: compare outputs, gradients and losses with PyTorch's")
    .option("--case <file>", "a file written by the reference generator (default: the built-in cases)", text)
    .option("--out <file>", "write everything that was computed for --case, as safetensors", text)
    .option("--without <features>", "leave out optional features, such as subgroups,shader-f16", features)
    .option("--default-limits", "keep to the limits that every adapter has")
    .option("--plain", "use the plain variant of every kernel")
    .action(action(async () => (await import("./commands/verify.ts")).verify));

  const tune = command("tune", "find the fastest variant of each kernel on this adapter, and remember it")
    .addOption(presetOption())
    .addOption(modelOption());
  addModelOptions(addCommon(tune, ["size", "batch"]), { only: shapeSettings })
    .option(
      "--seconds <n>",
      "begin no further kernel after this many seconds (default: 30 for quick, 180 for paper)",
      number,
    )
    .option("--kernels <n>", "tune no more than the n kernels with the most work", number)
    .option("--json <file>", "write all variants with their times and errors", text)
    .action(action(async () => (await import("./commands/tune.ts")).tune));

  command("doctor", "adapter, driver, features, limits and measured peak")
    .option("--json <file>", "write what was found", text)
    .action(action(async () => (await import("./commands/doctor.ts")).doctor));

  command("crop", "tissue rectangles of all images of a folder, as JSON")
    .argument("<dir>", "folder of images", text)
    .addOption(
      new Option("--method <name>", "how the tissue is found").choices(["adaptive", "fixed"]).default("adaptive"),
    )
    .requiredOption("--json <file>", "where to write { image: [x0, y0, x1, y1] }", text)
    .action(action(async () => (await import("./commands/crop.ts")).crop));

  return program;
}
