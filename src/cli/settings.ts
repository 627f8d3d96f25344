/** Makes command-line options from the settings' schemas, and a configuration from the options. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type * as z from "zod";
import { ConfigError } from "../models/config-error.ts";
import { classifies } from "../models/model.ts";
import { DEFAULT_MODEL, modelNamed, models } from "../models/registry.ts";
import { choicesOf, kindOfSetting, settingText, type SettingText } from "../models/setting.ts";
import type { ModelSpec, PhaseSpec, PresetName } from "../models/spec.ts";
import { formats } from "../data/layouts/registry.ts";
import { isPhantom, PHANTOM } from "../data/phantom/scanner.ts";
import { checkConfig, commonSettings, presetFor, presetNames, type TrainConfig } from "../train/config.ts";
import { number, text } from "./values.ts";

/** Those with an option of their own. */
type CommonName = Exclude<keyof typeof commonSettings, "preset" | "resize">;
export const commonNames = Object.entries(commonSettings).flatMap(([name, schema]) =>
  settingText(schema) ? [name as CommonName] : [],
);

/** Settings from the command line by name, including models' own and the epochs of phases. */
export type ConfigFlags = { preset: PresetName; model?: string } & {
  // Given as a name, and replaced by what the configuration says of that file.
  readonly [name in CommonName]?: name extends "init" ? unknown : TrainConfig[name];
} & Readonly<Record<string, unknown>>;

/** Makes an option from a setting's schema and text. */
function optionOf(schema: z.ZodType, { flags, help, parse }: SettingText): Option {
  const option = new Option(flags, help);
  const choices = choicesOf(schema);
  if (parse) return option.argParser((value) => parsed(parse, value));
  if (choices) return option.choices(choices);
  const kind = kindOfSetting(schema);
  if (kind === "flag") return option;
  return kind === "number" ? option.argParser(number) : option.argParser(text);
}

export function parsed(parse: (value: string) => unknown, value: string): unknown {
  try {
    return parse(value);
  } catch (error) {
    throw error instanceof RangeError ? new InvalidArgumentError(error.message) : error;
  }
}

/** The option of a common setting. */
export function commonOption(name: CommonName): Option {
  const option = optionOf(commonSettings[name], settingText(commonSettings[name])!);
  if (name === "init")
    return option.argParser<readonly string[] | undefined>((value, before) => [...(before ?? []), text(value)]);
  // Only the layouts' readers know the list.
  return name === "format"
    ? new Option(option.flags, `layout of the folder: ${formats.join(", ")} (default: detected)`).argParser(text)
    : option;
}

/** Adds options of common settings. */
export const addCommon = (command: Command, names: readonly CommonName[]): Command =>
  names.reduce((c, name) => c.addOption(commonOption(name)), command);

export const presetOption = (): Option =>
  new Option("--preset <name>", "settings to start from").choices(presetNames).default("quick");

export const modelOption = (): Option => {
  const list = models.map(({ id, summary }) => `${id}, ${summary}`).join("; ");
  return new Option("--model <id>", `network to train: ${list} (default: ${DEFAULT_MODEL})`).choices(
    models.map(({ id }) => id),
  );
};

/** An option of one or more models. */
interface ModelOption {
  option: Option;
  /** The setting, or the phase whose epochs it sets. */
  name: string;
  specs: ModelSpec[];
}

/** All models' options, each once. */
function modelOptions(): ModelOption[] {
  const found = new Map<string, ModelOption>();
  const add = (spec: ModelSpec, name: string, make: () => Option, flags: string) => {
    const known = found.get(flags);
    if (known) known.specs.push(spec);
    else found.set(flags, { option: make(), name, specs: [spec] });
  };
  for (const spec of models) {
    for (const [name, schema] of Object.entries(spec.options)) {
      const said = settingText(schema)!;
      add(spec, name, () => optionOf(schema, said), said.flags);
    }
    for (const { epochs } of spec.phases) {
      const option = () => new Option(epochs.flags, epochs.help).argParser(number);
      add(spec, option().attributeName(), option, epochs.flags);
    }
  }
  return [...found.values()];
}

const idsOf = (specs: readonly ModelSpec[]): string => specs.map(({ id }) => id).join(", ");

/** Adds the options of all models, grouped under those that have them unless all do. `only`: settings; default all. */
export function addModelOptions(command: Command, { only }: { only?: readonly string[] } = {}): Command {
  for (const { option, name, specs } of modelOptions()) {
    if (only && !only.includes(name)) continue;
    command.addOption(specs.length < models.length ? option.helpGroup(`Options of --model ${idsOf(specs)}:`) : option);
  }
  return command;
}

/** Adds the options of the studies' model. `without`: settings to leave out. */
export function addStudyModelOptions(command: Command, { without }: { without: readonly string[] }): Command {
  const own = modelOptions().filter(
    ({ name, specs }) => !without.includes(name) && specs.some((s) => s.id === DEFAULT_MODEL),
  );
  return own.reduce((c, { option }) => c.addOption(option), command);
}

/** Settings without effect unless the classifier is trained. */
const ofClassifier = ["classWeights", "sampling"] as const;

/**
 * The preset, overridden by the user's options.
 * @param options.study whether runs of other models are made of it too, to which common settings apply
 * @throws ConfigError naming the option
 */
export function configOf(flags: ConfigFlags, { study = false } = {}): TrainConfig {
  const { preset: name, model = DEFAULT_MODEL } = flags;
  const spec = modelNamed(model);
  const given = givenSettings(flags, spec);
  const preset = presetFor(name, flags.data ?? PHANTOM, model);
  requireDataEffect(flags, given);
  let config: TrainConfig;
  try {
    const epochs = Object.fromEntries(
      spec.phases.map((phase) => [phase.name, flags[attributeOf(phase.epochs)] ?? preset.epochs[phase.name]]),
    );
    config = checkConfig({ ...preset, ...given, ...splitOf(flags), epochs });
  } catch (error) {
    throw byOption(error, spec);
  }
  requireEffect(config, spec, given);
  if (!study) requireRate(config, spec, given);
  return config;
}

const attributeOf = ({ flags }: SettingText): string => new Option(flags).attributeName();

/** The values given for a model's settings. @throws ConfigError for an option of another model */
function givenSettings(flags: ConfigFlags, spec: ModelSpec): Record<string, unknown> {
  const foreign = modelOptions().find(({ name, specs }) => flags[name] !== undefined && !specs.includes(spec));
  if (foreign) {
    throw new ConfigError(`${foreign.option.long} is an option of ${idsOf(foreign.specs)}, not of ${spec.id}`);
  }
  const known = { ...commonSettings, ...spec.options };
  return Object.fromEntries(
    Object.entries(flags).filter(([name, value]) => {
      // --no-flip is the only form of that option; without it the preset decides.
      if (name === "preset" || !(name in known) || value === undefined) return false;
      const negated = settingText(known[name as keyof typeof known])?.flags.startsWith("--no-");
      return !negated || value === false;
    }),
  );
}

/** @throws ConfigError for a training option that would be ignored */
function requireEffect(config: TrainConfig, spec: ModelSpec, given: Record<string, unknown>): void {
  const trained = spec.phases.filter(({ name }) => config.epochs[name]! > 0);
  const idle = ofClassifier.find((name) => given[name] !== undefined);
  if (idle && !trained.some(classifies)) {
    const phases = spec.phases.filter(classifies).map(({ epochs }) => `${new Option(epochs.flags).long!} 0`);
    throw new ConfigError(`${commonOption(idle).long} has no effect with ${phases.join(" and ")}: no class is learned`);
  }
  const reason = spec.idle?.(given, config);
  if (reason !== undefined) throw new ConfigError(reason);
}

/** @throws ConfigError for --lr where every phase that is trained has a rate of its own */
function requireRate(config: TrainConfig, spec: ModelSpec, given: Record<string, unknown>): void {
  if (given["lr"] === undefined) return;
  const follows = (phase: PhaseSpec) => {
    const [a, b] = [0.25, 0.5].map((lr) => phase.learningRate({ ...config, lr }));
    return a !== b;
  };
  const using = spec.phases.filter(follows);
  if (using.some(({ name }) => config.epochs[name]! > 0)) return;
  const phases = using.map(({ epochs }) => `${new Option(epochs.flags).long!} 0`);
  throw new ConfigError(`--lr has no effect with ${phases.join(" and ")}: the other phases have their own rates`);
}

/** @throws ConfigError for an option that does not apply to the images */
export function requireDataEffect(flags: Pick<ConfigFlags, "data" | "external">, given: Record<string, unknown>): void {
  const { data = PHANTOM, external = "" } = flags;
  if (given["phantomImages"] !== undefined && !isPhantom(data) && !isPhantom(external)) {
    throw new ConfigError("--phantom-images has no effect with --data");
  }
  if (isPhantom(data)) {
    if (external === data) throw new ConfigError(`--external ${external}: is the data that is trained on`);
    if (given["labelFrom"] === "name" && (external === "" || isPhantom(external))) {
      throw new ConfigError("--label-from has no effect on the phantom, which knows its classes");
    }
    const where = flags.data === undefined ? "without --data" : `on ${data}`;
    if (given["masksInverted"] !== undefined) throw new ConfigError(`--masks-inverted has no effect ${where}`);
  }
}

/** A share is drawn at random unless another split is requested. @throws ConfigError for conflicting options */
export function splitOf({ val, split, folds, fold }: Pick<ConfigFlags, "val" | "split" | "folds" | "fold">) {
  const fromFile = split !== undefined && !["auto", "set", "random"].includes(split);
  if (fromFile && (val !== undefined || folds !== undefined)) {
    throw new ConfigError(`--${val === undefined ? "folds" : "val"} has no effect with --split ${split}`);
  }
  if (folds !== undefined && val !== undefined) throw new ConfigError("--val has no effect with --folds");
  if (fold !== undefined && folds === undefined) throw new ConfigError("--fold needs --folds, how many there are");
  return val !== undefined && split === undefined ? { split: "random" } : {};
}

/** Renames the setting in a setting's error to its option. */
export function byOption(error: unknown, spec?: ModelSpec): unknown {
  if (!(error instanceof ConfigError) || error.setting === undefined) return error;
  const colon = error.reason.startsWith("has no effect") ? "" : ":";
  return new ConfigError(`${optionName(error.setting, spec)}${colon} ${error.reason}`);
}

function optionName(setting: string, spec?: ModelSpec): string {
  const [name, phase] = setting.split(".");
  if (name === "epochs" && phase !== undefined) {
    const phases = (spec ? [spec] : models).flatMap(({ phases }) => phases);
    const found = phases.find((p) => p.name === phase);
    if (found) return new Option(found.epochs.flags).long!;
  }
  return `--${name!.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}
