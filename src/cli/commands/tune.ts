/** `mganet tune`: finds the fastest variant of each kernel on this adapter and remembers it. */
import type { Gpu } from "../../gpu/gpu.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { tuningFile, tuningFiles } from "../../node/tuning-store.ts";
import { ConfigError } from "../../models/config-error.ts";
import type { PresetName } from "../../models/spec.ts";
import { buildModel } from "../../train/build.ts";
import { specOf, type TrainConfig } from "../../train/config.ts";
import { trainingKernels } from "../../train/kernels.ts";
import { unitsOf } from "../../tune/key.ts";
import { tasksOf, tune as tuneTasks, type TaskResult, type TuningResult } from "../../tune/tuner.ts";
import { withGpu, type GpuOption } from "../gpu.ts";
import { configOf, type ConfigFlags } from "../settings.ts";
import { interruptible } from "../interruptible.ts";
import { Progress } from "../progress.ts";
import { table } from "../table.ts";
import { loadRecord } from "../tuned.ts";

export type TuneOptions = ConfigFlags &
  GpuOption & {
    seconds?: number;
    /** Tune at most this many, those with the most work. */
    kernels?: number;
    json?: string;
  };

/** Time limit for tuning in seconds, unless --seconds overrides it. */
const budgets: Readonly<Record<PresetName, number>> = { quick: 30, paper: 180 };
/** Rows in the table. */
const ROWS = 20;

/** @returns the exit code: 0 done, 130 or 129 interrupted; results up to then are kept */
export async function tune({ adapter, seconds: given, kernels, json, ...flags }: TuneOptions): Promise<number> {
  const config = configOf(flags);
  const seconds = given ?? budgets[config.preset];
  if (seconds <= 0) throw new ConfigError("--seconds: must be more than 0");
  if (kernels !== undefined && !(Number.isInteger(kernels) && kernels > 0))
    throw new ConfigError("--kernels: must be a positive whole number");
  if (json !== undefined) await requireWritableFile(json);
  const { signal, code, dispose } = interruptible("finishing the kernel and saving");
  try {
    return await withGpu(adapter === undefined ? {} : { adapter }, async (gpu) => {
      await run(gpu, config, { seconds, kernels }, json, signal);
      return signal.aborted ? code() : 0;
    });
  } finally {
    dispose();
  }
}

async function run(
  gpu: Gpu,
  config: TrainConfig,
  { seconds, kernels }: { seconds: number; kernels: number | undefined },
  json: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { size, batch, recompute } = config;
  const begun = performance.now();
  const record = await loadRecord(gpu);
  const file = tuningFile(record.name);
  await requireWritableFile(file);
  const all = tasksOf(gpu, trainingKernels(buildModel(config), { batch, size, recompute }).flat());
  const tasks = all.slice(0, kernels);
  const network = `${specOf(config).title}, ${specOf(config).describe(config)}, ${size[0]}×${size[1]}, batch ${batch}`;
  console.log(
    `Tuning ${tasks.length}${tasks.length < all.length ? ` of ${all.length}` : ""} kernels of ${network}, on ${gpu.name}; none is begun after ${seconds} s` +
      (tasks.length === 0 ? "\nOn this adapter no kernel has more than one variant: there is nothing to choose." : ""),
  );
  const progress = new Progress();
  progress.start("tuning", tasks.length);
  let result: TuningResult;
  try {
    const spent = (performance.now() - begun) / 1000;
    result = await tuneTasks(gpu, tasks, record, {
      seconds: Math.max(0, seconds - spent),
      signal,
      onTask: (done, _, { kernel }) => progress.update(done, kernel.name),
    });
  } finally {
    progress.stop();
  }
  if (result.results.length > 0) await record.save(gpu, tuningFiles);
  const took = (performance.now() - begun) / 1000;
  conclude(result, took, seconds, signal.aborted);
  if (result.results.length > 0) console.log(`Written to ${file}`);
  if (json !== undefined) await writeWhole(json, `${JSON.stringify(report(gpu, config, result, took), null, 2)}\n`);
}

/** The winner, and the first of the fixed order that is available. */
function duel({ winner, variants }: TaskResult) {
  const won = variants.find(({ variant }) => variant === winner)!;
  const fixed = variants[0]!;
  // A variant beaten in its first run keeps that run's time.
  return { won, fixed, ratio: fixed.ms !== undefined && won.ms !== undefined ? fixed.ms / won.ms : undefined };
}

function conclude({ results, failed, left }: TuningResult, took: number, budget: number, aborted: boolean): void {
  const changed = results
    .filter((result) => duel(result).won !== duel(result).fixed)
    .sort((a, b) => saving(b) - saving(a));
  if (changed.length > 0) printChanges(changed);
  for (const { task, variants } of results) {
    for (const { variant, out } of variants) {
      if (out?.why === "wrong" || out?.why === "refused")
        console.log(`${out.why}: ${task.kernel.name} ${operands(task.kernel)}, variant ${variant}: ${out.reason}`);
    }
  }
  for (const { task, reason } of failed) console.log(`failed: ${task.kernel.name} ${operands(task.kernel)}: ${reason}`);
  const kept = results.length - changed.length;
  console.log(
    `${changed.length} kernels have a faster variant than the fixed choice, ${kept} keep it; ${took.toFixed(1)} s`,
  );
  if (left.length === 0) return;
  const advice = aborted ? "" : `, since ${budget} s were over (--seconds N for more)`;
  console.log(`${left.length} kernels, those with the least work, were not tuned${advice}`);
}

/** Milliseconds that the winner saves over all calls. */
function saving(result: TaskResult): number {
  const { won, fixed } = duel(result);
  const { calls, wanted, kernel } = result.task;
  return fixed.ms === undefined || won.ms === undefined ? 0 : ((fixed.ms - won.ms) * calls * wanted) / unitsOf(kernel);
}

function printChanges(changed: readonly TaskResult[]): void {
  const rows = changed.slice(0, ROWS).map((result) => {
    const { won, fixed, ratio } = duel(result);
    const { kernel } = result.task;
    const time = (ms: number | undefined) => (ms === undefined ? "-" : ms.toPrecision(3));
    const times = ratio === undefined ? "-" : `${ratio.toFixed(2)}×`;
    return [kernel.name, cut(operands(kernel)), won.variant, time(won.ms), fixed.variant, time(fixed.ms), times];
  });
  const heads = ["kernel", "shape", "winner", "ms", "fixed", "ms", "ratio"];
  for (const line of table(heads, rows, { left: [0, 1, 2, 4] })) console.log(line);
  if (changed.length > rows.length) console.log(`and ${changed.length - rows.length} more (--json FILE has all)`);
}

/** Width of the shapes column, so that the table fits 100 columns. */
const SHAPES = 28;
const cut = (text: string): string => (text.length > SHAPES ? `${text.slice(0, SHAPES - 1)}…` : text);

/** "8×24×24×64, 3×3×64×64": the inputs. */
const operands = ({ inputs }: TaskResult["task"]["kernel"]): string =>
  inputs.map(({ shape }) => shape.join("×")).join(", ");

/** The content for `--json`. */
function report(gpu: Gpu, config: TrainConfig, { results, failed, left }: TuningResult, seconds: number) {
  const { model, preset, size, batch } = config;
  const describe = ({ kernel, calls, wanted }: TaskResult["task"]) => ({
    kernel: kernel.name,
    inputs: kernel.inputs.map(({ shape }) => shape),
    outputs: kernel.outputs.map(({ shape }) => shape),
    images: unitsOf(kernel),
    imagesWanted: wanted,
    calls,
  });
  return {
    adapter: gpu.name,
    config: { model, preset, network: specOf(config).describe(config), size, batch },
    seconds,
    results: results.map((result) => ({
      ...describe(result.task),
      winner: result.winner,
      fixed: result.variants[0]!.variant,
      ratio: duel(result).ratio ?? null,
      variants: result.variants.map(({ variant, error, ms, spreadMs, samples, out }) => ({
        variant,
        medianMs: ms ?? null,
        spreadMs: spreadMs ?? null,
        samples,
        error: error === undefined || !Number.isFinite(error) ? null : error,
        out: out ?? null,
      })),
    })),
    failed: failed.map(({ task, reason }) => ({ ...describe(task), reason })),
    left: left.map(describe),
  };
}
