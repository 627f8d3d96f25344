/** What the options of commands that explain the classifier ask for. */
import path from "node:path";
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { ImagePrediction } from "../metrics/predictions.ts";
import { caseKinds, notableCases } from "../metrics/notable-cases.ts";
import { explainImages, type ExplainSettings, type Loaded } from "../node/explain.ts";
import { writeWhole } from "../node/files.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { ConfigError } from "../train/config.ts";
import type { ExplainedClass, ExplainMethod, ScaleName } from "../train/explain.ts";
import { visibleName } from "./terminal.ts";

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

/**
 * Writes panels of the images that tell most, the report's choice too, as `<kind>-<rank>.png`, and tells of each in a line.
 * @param options.count images of each kind
 */
export async function explainTelling(
  gpu: Gpu,
  run: Loaded,
  found: readonly ImagePrediction[],
  prepared: readonly Prepared[],
  { settings, count, out, threshold }: { settings: ExplainSettings; count: number; out: string; threshold: number },
): Promise<void> {
  const byId = new Map(prepared.map((p) => [p.id, p]));
  const chosen = notableCases(found, threshold, count);
  const cases = caseKinds.flatMap((kind) => chosen[kind].map(({ image }, i) => ({ image, name: `${kind}-${i + 1}` })));
  const images = cases.map(({ image }) => byId.get(image)!);
  let next = 0;
  for await (const { title, png } of explainImages(gpu, run, images, settings)) {
    const file = path.join(out, `${cases[next++]!.name}.png`);
    await writeWhole(file, png);
    console.log(visibleName(`${file}: ${title}`));
  }
}
