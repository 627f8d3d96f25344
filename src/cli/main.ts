/** The commands. */
import { Command, CommanderError } from "commander";
import { addTrainOptions } from "./options.ts";
import { fail } from "./fail.ts";

const debug = process.argv.includes("--debug");

/** Runs a command's action; whatever it throws becomes one line and an exit code. */
const action =
  <A extends unknown[]>(load: () => Promise<(...args: A) => Promise<void>>) =>
  async (...args: A): Promise<void> => {
    try {
      // Loaded on demand, so that --help and small commands start at once.
      await (
        await load()
      )(...args);
    } catch (error) {
      fail(error, debug);
    }
  };

const program = new Command("mganet")
  .description(
    "MGA-Net on WebGPU: train, evaluate and run a thyroid nodule classifier guided by a segmentation branch.\nFor research; not a medical device.",
  )
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, "Error:")) })
  .enablePositionalOptions();

/** A command with the options that all have. */
const command = (name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, "Error:")) })
    .option("--adapter <name>", "part of the name of the GPU adapter to use")
    .option("--debug", "show the stack of errors");

addTrainOptions(command("train", "train on the built-in phantom, or on --data DIR"))
  .option("--out <dir>", "run folder (default: runs/DATE-PRESET-DATA)")
  .option("--resume <dir>", "go on with the run in this folder; its settings are taken from there")
  .option("--summary", "print nodes, dispatches, FLOPs and memory of each stage's step")
  .option("--json <file>", "write the summary of the run")
  .action(action(async () => (await import("./train.ts")).train));

command("evaluate", "accuracy, AUC, F1 and Dice of a run on its validation images, or on --data DIR")
  .argument("<run>", "run folder")
  .option("--data <dir>", "evaluate on all images of this folder instead")
  .option("--checkpoint <name>", "best or last (default: best where there is one)")
  .option("--json <file>", "write the results, one entry an image")
  .action(action(async () => (await import("./evaluate.ts")).evaluateRun));

command("predict", "probability of malignancy and nodule outline of images")
  .argument("<images...>", "image files")
  .requiredOption("--run <dir>", "run folder, or a checkpoint file")
  .option("--out <dir>", "where predictions.json and the pictures go", "predictions")
  .action(action(async () => (await import("./predict.ts")).predict));

command("verify", "is this adapter right? compares outputs, gradients and losses with PyTorch's")
  .option("--case <file>", "a file written by the reference generator (default: the built-in cases)")
  .option("--out <file>", "write everything that was computed for --case, as safetensors")
  .action(action(async () => (await import("./verify.ts")).verify));

command("doctor", "adapter, driver, features, limits and measured peak")
  .option("--json <file>", "write what was found")
  .action(action(async () => (await import("./doctor.ts")).doctor));

command("crop", "tissue rectangles of all images of a folder, as JSON")
  .argument("<dir>", "folder of images")
  .option("--method <name>", "adaptive or fixed", "adaptive")
  .requiredOption("--json <file>", "where to write { image: [x0, y0, x1, y1] }")
  .action(action(async () => (await import("./crop.ts")).crop));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else fail(error, debug);
}
