/** What a configuration says of the earlier model that its run begins from, and of what it keeps of that. */
import * as z from "zod";
import { ConfigError } from "../models/config-error.ts";
import { isEarlierRun, type ModelSpec, type TrainedWith } from "../models/spec.ts";

const file = {
  file: z.string().min(1).max(4096),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
};

const earlierRunSchema = z.strictObject({
  ...file,
  model: z.string().min(1),
  phase: z.string().min(1),
  outlines: z.boolean(),
  classes: z.array(z.string().min(1).max(60)).min(2).max(100),
});

/** An `Origin`. */
export const originSchema = z.union([
  earlierRunSchema,
  z.strictObject({ ...file, format: z.enum(["torch", "safetensors"]) }),
]);

/** @throws ConfigError for a run that would begin from what it cannot, or freeze what it trains or what nobody has trained */
export function requireOrigin(
  { init, freeze, epochs }: Pick<TrainedWith, "init" | "freeze" | "epochs">,
  spec: ModelSpec,
): void {
  const earlier = init && isEarlierRun(init) ? init : undefined;
  if (earlier && earlier.model !== spec.id) {
    throw new ConfigError(`${earlier.file} is a checkpoint of ${earlier.model}, not of ${spec.id}`, "init");
  }
  if (earlier && !spec.phases.some(({ name }) => name === earlier.phase)) {
    throw new ConfigError(`${spec.id} has no phase ${earlier.phase}`, "init.phase");
  }
  const frozen = spec.phases.find(({ name }) => name === freeze);
  if (!frozen) return;
  const branch = `the ${frozen.name} branch`;
  if (!init)
    throw new ConfigError(
      `${branch} would stay at random values: a run that freezes it needs one to begin from`,
      "freeze",
    );
  if (!earlier)
    throw new ConfigError(`${init.file} does not say what it has learned: ${branch} must be trained`, "freeze");
  // A phase that gives masks has learned them from outlines.
  if (frozen.inputs.includes("target") && !earlier.outlines) {
    throw new ConfigError(`${branch} of ${init.file} has learned nothing`, "freeze");
  }
  if (epochs[frozen.name]! > 0) throw new ConfigError(`must be 0 when ${branch} is frozen`, `epochs.${frozen.name}`);
}
