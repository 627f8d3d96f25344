/** What the options of commands that explain the classifier ask for. */
import type { ExplainSettings } from "../node/explain.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { ConfigError } from "../train/config.ts";
import type { ExplainedClass, ExplainMethod, ScaleName } from "../train/explain.ts";

export interface ExplainFlags {
  explain?: ExplainMethod;
  scale?: ScaleName;
  class?: ExplainedClass;
  base?: string;
}

/**
 * What the flags ask for; undefined without --explain.
 * @throws ConfigError for flags that have no effect; InputError, CheckpointError for --base
 */
export async function explainSettings(flags: ExplainFlags): Promise<ExplainSettings | undefined> {
  const { explain: method, scale, class: of, base } = flags;
  if (method === undefined) {
    const idle = (["scale", "class", "base"] as const).find((name) => flags[name] !== undefined);
    if (idle) throw new ConfigError(`--${idle} has no effect without --explain`);
    return undefined;
  }
  return {
    method,
    ...(scale ? { scale } : {}),
    ...(of ? { of } : {}),
    base: base === undefined ? undefined : await findCheckpoint(base),
  };
}
