/** Interprets the options of commands that explain the classifier. */
import { ConfigError } from "../models/config-error.ts";
import type { ExplainSettings } from "../runs/explain.ts";
import { MODELS_METHOD, type explainChoices } from "./options.ts";
import { findCheckpoint } from "./targets.ts";

export interface ExplainFlags {
  explain?: (typeof explainChoices)[number];
  scale?: string;
  class?: string;
  base?: string;
}

/**
 * The settings from the flags; undefined without --explain.
 * @param more the command's other options that need --explain
 * @throws ConfigError for flags without effect; InputError, CheckpointError for --base
 */
export async function explainSettings<Name extends string = never>(
  flags: ExplainFlags & { readonly [name in Name]?: unknown },
  more: readonly Name[] = [],
): Promise<ExplainSettings | undefined> {
  const { explain: method, scale: point, class: of, base } = flags;
  if (method === undefined) {
    const idle = [...(["scale", "class", "base"] as const), ...more].find((name) => flags[name] !== undefined);
    if (idle) throw new ConfigError(`--${idle} has no effect without --explain`);
    return undefined;
  }
  return {
    ...(method === MODELS_METHOD ? {} : { method }),
    ...(point === undefined ? {} : { point }),
    ...(of === undefined ? {} : { of }),
    base: base === undefined ? undefined : await findCheckpoint(base),
  };
}
