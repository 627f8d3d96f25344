/** Tuning: finds the fastest variant of each kernel on an adapter, shape by shape. */
import type { Capabilities } from "../gpu/capabilities.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { everyVariant } from "../kernels/every.ts";
import { bytesMoved, type Kernel } from "../kernels/kernel.ts";
import { piecesOf } from "../kernels/parts.ts";
import { BenchError } from "./bench.ts";
import { codeOf, labelOf, overUnits, unitsOf, variantNames } from "./key.ts";
import { RandomData } from "./random-data.ts";
import type { TuningRecord } from "./record.ts";
import { runTrial, shadersOfTrial, type TrialResult } from "./trial.ts";

/** One kernel to tune. */
export interface Task {
  /** Over as many images as it is measured on. */
  readonly kernel: Kernel;
  readonly label: string;
  readonly code: string;
  /** Images that the graph asks for; it is measured on `unitsOf(kernel)`. */
  readonly wanted: number;
  /** How many times the graphs call it. */
  readonly calls: number;
  readonly variants: readonly string[];
}

/** The outcome of one task. */
export interface TaskResult extends TrialResult {
  readonly task: Task;
}

/** The outcome of all tasks. */
export interface TuningResult {
  readonly results: readonly TaskResult[];
  /** Those that could not be measured, and why. */
  readonly failed: readonly { readonly task: Task; readonly reason: string }[];
  /** Those for which time ran out; they keep the record's variant, or the fixed order. */
  readonly left: readonly Task[];
}

/** How long to tune, and what to say meanwhile. */
export interface TuningOptions {
  /** Time for all tasks. What matters most comes first; when time is up, the rest is left. */
  seconds: number;
  signal?: AbortSignal;
  /** Called before each task. */
  onTask?: (done: number, total: number, task: Task) => void;
}

/**
 * Operations of one call that suffice to tell variants apart. Images beyond that are left out: the plain variant has to
 * compute all of them too, for the check.
 */
const enoughWork: Readonly<Record<Capabilities["adapterClass"], number>> = {
  software: 1e9,
  integrated: 2e10,
  discrete: 1e11,
};
/** Seconds of timing that one kernel may take if there is enough time. */
const MAX_KERNEL_SECONDS = 0.4;

/**
 * Tasks whose shaders are compiled together: several keep all processors busy, but there may not be time for all. The first
 * batch is small, so that something is measured soon even where nothing was compiled before.
 */
const COMPILED_AT_ONCE = { first: 2, most: 12 };

/** The distinct kernels with more than one variant, those with the most work over all calls first. */
export function tasksOf(gpu: Gpu, kernels: readonly Kernel[]): Task[] {
  const tasks = new Map<string, Task>();
  for (const asked of kernels.flatMap((kernel) => piecesOf(kernel, gpu.caps))) {
    const kernel = overUnits(asked, measuredUnits(gpu, asked));
    const variants = everyVariant(kernel, gpu.caps);
    if (variants.length < 2) continue;
    const [label, code, units] = [labelOf(kernel), codeOf(kernel, gpu.caps), unitsOf(kernel)];
    const key = `${label} ${code} ${units}`;
    const { calls, wanted } = tasks.get(key) ?? { calls: 0, wanted: 0 };
    const most = Math.max(wanted, unitsOf(asked));
    tasks.set(key, { kernel, label, code, wanted: most, calls: calls + 1, variants: variantNames(variants) });
  }
  const total = ({ kernel, calls, wanted }: Task) => (workOf(kernel) / unitsOf(kernel)) * wanted * calls;
  return [...tasks.values()].sort((a, b) => total(b) - total(a));
}

/** Operations, and bytes at what they cost: about ten operations each. */
const workOf = (kernel: Kernel): number => kernel.flops + 10 * bytesMoved(kernel);

function measuredUnits(gpu: Gpu, kernel: Kernel): number {
  const units = unitsOf(kernel);
  return Math.max(1, Math.min(units, Math.floor((units * enoughWork[gpu.caps.adapterClass]) / workOf(kernel))));
}

/** Tunes the tasks in order and puts the winners into `record`. */
export async function tune(
  gpu: Gpu,
  tasks: readonly Task[],
  record: TuningRecord,
  { seconds, signal, onTask }: TuningOptions,
): Promise<TuningResult> {
  const end = performance.now() + 1000 * seconds;
  const data = new RandomData(gpu);
  const results: TaskResult[] = [];
  const failed: { task: Task; reason: string }[] = [];
  let slowest = 0;
  let done = 0;
  let compiled = 0;
  let atOnce = COMPILED_AT_ONCE.first;
  try {
    // A task that would surely end too late is not started.
    const late = () => signal?.aborted || performance.now() > end - slowest / 2;
    for (const [i, task] of tasks.entries()) {
      if (i === compiled && !late()) {
        const next = tasks.slice(i, i + atOnce);
        await gpu.precompile(next.flatMap(({ kernel }) => shadersOfTrial(gpu, kernel)));
        compiled += next.length;
        atOnce = Math.min(2 * atOnce, COMPILED_AT_ONCE.most);
      }
      if (late()) break;
      const now = performance.now();
      onTask?.(done, tasks.length, task);
      const share = (end - now) / 1000 / (tasks.length - done);
      try {
        const result = await runTrial(gpu, task.kernel, data, Math.min(MAX_KERNEL_SECONDS, share / 3));
        results.push({ ...result, task });
        const codes = tasks.filter(({ label }) => label === task.label).map(({ code }) => code);
        record.forgetOthers(task.label, new Set(codes));
        const { label, code } = task;
        record.add({ label, code, units: unitsOf(task.kernel), variant: result.winner });
      } catch (error) {
        if (!(error instanceof BenchError)) throw error;
        failed.push({ task, reason: error.message });
      }
      slowest = Math.max(slowest, performance.now() - now);
      done++;
    }
  } finally {
    data.destroy();
  }
  return { results, failed, left: tasks.slice(done) };
}
