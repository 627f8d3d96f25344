/** The networks that are measured: every model, and MGA-Net with each other attention block in MGA's place. */
import { ConfigError } from "../src/models/config-error.ts";
import { mganet } from "../src/models/mganet/spec.ts";
import { models } from "../src/models/registry.ts";
import type { PresetName } from "../src/models/spec.ts";
import { checkConfig, PHANTOM, presetFor, type TrainConfig } from "../src/train/config.ts";

const networks: Readonly<Record<string, { model: string; fusion?: string }>> = {
  ...Object.fromEntries(models.map(({ id }) => [id, { model: id }])),
  ...Object.fromEntries(["se", "cbam"].map((fusion) => [`${mganet.id}-${fusion}`, { model: mganet.id, fusion }])),
};

export const networkNames: readonly string[] = Object.keys(networks);

/**
 * The settings with which a network is trained, as a preset has them.
 * @throws ConfigError if there is no network with that name
 */
export function networkNamed(name: string, preset: PresetName, batch?: number): TrainConfig {
  const network = Object.hasOwn(networks, name) ? networks[name] : undefined;
  if (!network) throw new ConfigError(`--model ${name}: no network is called so; there are ${networkNames.join(", ")}`);
  const settings = presetFor(preset, PHANTOM, network.model);
  return checkConfig({ ...settings, ...network, ...(batch === undefined ? {} : { batch }) });
}
