/** What a configuration says of the earlier models that its run begins from, and of what it keeps of them. */
import * as z from "zod";
import { ConfigError } from "../models/config-error.ts";
import {
  isEarlierRun,
  originsOf,
  type EarlierRun,
  type ModelSpec,
  type Origin,
  type PhaseSpec,
  type TrainedWith,
} from "../models/spec.ts";

/** As many as there may be parts. */
const MOST_ORIGINS = 8;

const file = {
  file: z.string().min(1).max(4096),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  module: z.string().min(1).max(200).exactOptional(),
};

const earlierRunSchema = z.strictObject({
  ...file,
  model: z.string().min(1),
  phase: z.string().min(1),
  outlines: z.boolean(),
  classes: z.array(z.string().min(1).max(60)).min(2).max(100),
});

const originSchema = z.union([earlierRunSchema, z.strictObject({ ...file, format: z.enum(["torch", "safetensors"]) })]);

/** An `Origin`, or several. */
export const initSchema = z.union([originSchema, z.array(originSchema).min(2).max(MOST_ORIGINS)]);

/** What a configuration says of one or several. */
export const initOf = (origins: readonly Origin[]): Origin | readonly Origin[] | undefined =>
  origins.length > 1 ? origins : origins[0];

/** Whether all of a part of the network is taken from it. */
const gives = ({ module }: Origin, path: string): boolean =>
  module === undefined || path === module || path.startsWith(`${module}.`);

const pathsOfPhases = new Map<string, string>();

/** The path of the module that a phase trains; "" for the whole network. The same for any settings. */
function trainedPath(spec: ModelSpec, phase: PhaseSpec, config: TrainedWith): string {
  const key = `${spec.id} ${phase.name}`;
  const path = pathsOfPhases.get(key) ?? phase.trains(spec.build(config, 2, 0)).path;
  pathsOfPhases.set(key, path);
  return path;
}

/** The earlier runs of which all that a phase trains is taken, after that phase had trained it. */
export function earlierRunsOf(config: TrainedWith, spec: ModelSpec, phase: PhaseSpec): EarlierRun[] {
  const index = (name: string) => spec.phases.findIndex((other) => other.name === name);
  return originsOf(config)
    .filter(isEarlierRun)
    .filter((origin) => index(origin.phase) >= index(phase.name))
    .filter((origin) => origin.module === undefined || gives(origin, trainedPath(spec, phase, config)));
}

/** Whether a run begins with a branch that has learned outlines. */
export const learnedOutlines = (config: TrainedWith, spec: ModelSpec): boolean =>
  spec.phases.some(
    (phase) => phase.inputs.includes("target") && earlierRunsOf(config, spec, phase).some(({ outlines }) => outlines),
  );

/** @throws ConfigError for a run that would begin from what it cannot, or freeze what it trains or what nobody has trained */
export function requireOrigin(config: TrainedWith, spec: ModelSpec): void {
  const { freeze, epochs } = config;
  const origins = originsOf(config);
  for (const earlier of origins.filter(isEarlierRun)) {
    if (earlier.model !== spec.id) {
      throw new ConfigError(`${earlier.file} is a checkpoint of ${earlier.model}, not of ${spec.id}`, "init");
    }
    if (!spec.phases.some(({ name }) => name === earlier.phase)) {
      throw new ConfigError(`${spec.id} has no phase ${earlier.phase}`, "init.phase");
    }
  }
  const frozen = spec.phases.find(({ name }) => name === freeze);
  if (!frozen) return;
  const branch = `the ${frozen.name} branch`;
  const path = trainedPath(spec, frozen, config);
  const origin =
    origins.find((one) => isEarlierRun(one) && gives(one, path)) ?? origins.find((one) => gives(one, path));
  if (!origin)
    throw new ConfigError(
      `${branch} would stay at random values: a run that freezes it needs one to begin from`,
      "freeze",
    );
  if (!isEarlierRun(origin))
    throw new ConfigError(`${origin.file} does not say what it has learned: ${branch} must be trained`, "freeze");
  // A phase that gives masks has learned them from outlines.
  if (frozen.inputs.includes("target") && !origin.outlines) {
    throw new ConfigError(`${branch} of ${origin.file} has learned nothing`, "freeze");
  }
  if (epochs[frozen.name]! > 0) throw new ConfigError(`must be 0 when ${branch} is frozen`, `epochs.${frozen.name}`);
}
