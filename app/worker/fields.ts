/** Reads and changes single settings of a configuration. Apart from settings.ts, whose schemas the page need not load. */
import type { TrainConfig } from "../../src/train/config.ts";

/** A configuration's value of a field. */
export function valueOf(config: TrainConfig, name: string): unknown {
  const [first = "", second] = name.split(".");
  const value = (config as unknown as Record<string, unknown>)[first];
  return second === undefined ? value : (value as Record<string, unknown>)[second];
}

/** The configuration with another value of a field. */
export function withValue(config: TrainConfig, name: string, value: unknown): TrainConfig {
  const [first = "", second] = name.split(".");
  if (second === undefined) return { ...config, [first]: value };
  return { ...config, [first]: { ...((config as unknown as Record<string, object>)[first] ?? {}), [second]: value } };
}
