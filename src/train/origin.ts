/** What a configuration says of the earlier model that its run begins from, and of what it keeps of that. */
import * as z from "zod";
import { ConfigError } from "../models/config-error.ts";
import type { ModelSpec, TrainedWith } from "../models/spec.ts";

/** An `Origin`. */
export const originSchema = z.strictObject({
  file: z.string().min(1).max(4096),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  model: z.string().min(1),
  phase: z.string().min(1),
  outlines: z.boolean(),
  classes: z.array(z.string().min(1).max(60)).min(2).max(100),
});

/** @throws ConfigError for a run that would begin from what it cannot, or freeze what it trains or what nobody has trained */
export function requireOrigin(
  { init, freeze, epochs }: Pick<TrainedWith, "init" | "freeze" | "epochs">,
  spec: ModelSpec,
): void {
  if (init && init.model !== spec.id) {
    throw new ConfigError(`${init.file} is a checkpoint of ${init.model}, not of ${spec.id}`, "init");
  }
  if (init && !spec.phases.some(({ name }) => name === init.phase)) {
    throw new ConfigError(`${spec.id} has no phase ${init.phase}`, "init.phase");
  }
  const frozen = spec.phases.find(({ name }) => name === freeze);
  if (!frozen) return;
  const branch = `the ${frozen.name} branch`;
  if (!init)
    throw new ConfigError(
      `${branch} would stay at random values: a run that freezes it needs one to begin from`,
      "freeze",
    );
  // A phase that gives masks has learned them from outlines.
  if (frozen.inputs.includes("target") && !init.outlines) {
    throw new ConfigError(`${branch} of ${init.file} has learned nothing`, "freeze");
  }
  if (epochs[frozen.name]! > 0) throw new ConfigError(`must be 0 when ${branch} is frozen`, `epochs.${frozen.name}`);
}
