/** Options shared by several commands that are not settings of a training run. */
import { Option, type Command } from "commander";
import { commandLine } from "../node/command-line.ts";
import { ConfigError } from "../models/config-error.ts";
import { models } from "../models/registry.ts";
import { explainMethods } from "../explain/methods.ts";
import { duration, text } from "./values.ts";

export const choice = (flags: string, description: string, values: readonly string[]): Option =>
  new Option(flags, description).choices(values);

export interface SaveOption {
  /** Seconds. */
  saveEvery: number;
}

/** For commands that train. Not a setting of the run: it does not affect the result. */
export const addSaveOption = (command: Command): Command =>
  command.addOption(
    new Option("--save-every <time>", "save within long epochs too, such as 30s, 10m, 1h; off: after each epoch only")
      .argParser(duration)
      .default(600, "10m"),
  );

/** For commands whose kernels follow the tuning record (tuned.ts). */
export const addTunedOption = (command: Command): Command =>
  command.option("--no-tuned", `use the fixed kernel variants, whatever ${commandLine("tune")} found to be faster`);

/** For commands that can profile (profile.ts). */
export const addProfileOptions = (command: Command): Command =>
  command
    .option("--profile", "print where the time goes on the device, by kernel and by layer")
    .option("--trace <file>", "write that as a Chrome trace, for ui.perfetto.dev or chrome://tracing", text);

/** The method of a plain --explain: the model's first. */
export const MODELS_METHOD = "auto";

/** The values of --explain. */
export const explainChoices = [...explainMethods, MODELS_METHOD] as const;

/** For commands that explain the classifier (explain.ts). `what` is what the panels show. */
export function addExplainOptions(command: Command, what: string): Command {
  const points = [...new Set(models.flatMap(({ explain }) => explain.points))];
  return command
    .addOption(
      choice(
        "--explain [method]",
        `write panels of ${what}: image, activation, mask; auto: Grad-CAM, or attention rollout of a model without`,
        explainChoices,
      ).preset(MODELS_METHOD),
    )
    .addOption(choice("--scale <name>", "scale whose features are explained (default: the last)", points))
    .option("--class <name>", "class that is explained: predicted, or its name (default: predicted)", text)
    .option("--base <run>", "a run without attention, such as --fusion none, to compare activations with", text);
}

/** Options allowed with --resume; all others are settings, which come from the run. */
const withResume = new Set([
  "resume",
  "saveEvery",
  "summary",
  "json",
  "adapter",
  "debug",
  "tuned",
  "profile",
  "trace",
  "tensorboard",
]);

/** @throws ConfigError naming the options that a resumed run would ignore */
export function requireOnlyResume(command: Command): void {
  const ignored = command.options.filter((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === "cli" && !withResume.has(name);
  });
  if (ignored.length === 0) return;
  const names = ignored.map((option) => option.long).join(", ");
  throw new ConfigError(`--resume takes all settings from the run: leave out ${names}`);
}
