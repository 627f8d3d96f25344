/** Implements `--profile` and `--trace`: where a plan spends its time. */
import type { Gpu } from "../gpu/gpu.ts";
import { byKernel, byLayer, total, type Share } from "../graph/breakdown.ts";
import type { NodeProfile } from "../graph/profile.ts";
import { chromeTrace, type NamedProfile } from "../graph/trace.ts";
import { measure, type Measured } from "../kernels/measure.ts";
import { requireWritableFile, writeWhole } from "../node/files.ts";
import type { PredictTask } from "../runs/predict.ts";
import type { Predictor } from "../train/predictor.ts";
import { table } from "./table.ts";

export interface ProfileOptions {
  profile?: boolean;
  trace?: string;
}

/** Rows per table; the rest is summed up in one more. */
const ROWS = 24;

/** Collects the profiles of a command. */
export class Profiler {
  readonly #gpu: Gpu;
  readonly #options: ProfileOptions;
  readonly #profiles: NamedProfile[] = [];
  #measured: Measured | undefined;

  private constructor(gpu: Gpu, options: ProfileOptions) {
    this.#gpu = gpu;
    this.#options = options;
  }

  /** Call before the work. @throws InputError if the trace cannot be written */
  static async check({ trace }: ProfileOptions): Promise<void> {
    if (trace !== undefined) await requireWritableFile(trace);
  }

  /** Undefined if no profile was requested. */
  static for(gpu: Gpu, options: ProfileOptions): Profiler | undefined {
    return options.profile || options.trace !== undefined ? new Profiler(gpu, options) : undefined;
  }

  /** Adds a profile, and prints it with --profile. */
  async add(name: string, nodes: readonly NodeProfile[], print: (line: string) => void): Promise<void> {
    this.#profiles.push({ name, nodes });
    if (this.#options.trace !== undefined)
      await writeWhole(this.#options.trace, `${JSON.stringify(chromeTrace(this.#profiles))}\n`);
    if (!this.#options.profile) return;
    this.#measured ??= await measure(this.#gpu);
    const how = this.#gpu.caps.timestamps ? "by timestamps" : "by submitting one by one, which adds its own time";
    for (const line of showProfile(name, nodes, this.#measured, how)) print(line);
  }
}

/** What `predictBatches` needs for a profile of its first batch; nothing if none was requested. */
export function profiled(gpu: Gpu, predictor: Predictor, options: ProfileOptions): PredictTask {
  const profiler = Profiler.for(gpu, options);
  if (!profiler) return { predictor };
  const onFirst = async (image: Float32Array, count: number) => {
    const nodes = await predictor.profile(gpu, image);
    const name = `inference of ${count} image${count === 1 ? "" : "s"}`;
    await profiler.add(name, nodes, (line) => console.log(line));
  };
  return { predictor, onFirst };
}

/** The tables of a profile, in lines of at most 100 characters. */
export function showProfile(name: string, nodes: readonly NodeProfile[], measured: Measured, how: string): string[] {
  const all = total("all", nodes);
  const dispatches = nodes.reduce((sum, node) => sum + node.dispatches, 0);
  const { gflops, bandwidth } = measured;
  return [
    "",
    `${name}: ${all.ms.toFixed(1)} ms in ${dispatches} dispatches, ${how}`,
    `This adapter's best: ${gflops.toPrecision(3)} GFLOP/s of multiply-adds, ${bandwidth.toPrecision(3)} GB/s of copying (caches give more)`,
    "",
    ...kernelTable(byKernel(nodes), all, measured),
    "",
    ...layerTable(byLayer(nodes, ROWS), all, measured),
    "",
  ];
}

function kernelTable(shares: readonly Share[], all: Share, measured: Measured): string[] {
  const heads = ["kernel/variant", "calls", "ms", "share", ...rateHeads];
  const rows = withRest(shares, "other kernels").map((share) => [
    cut(share.name, 36),
    String(share.calls),
    share.ms.toFixed(2),
    percent(share.ms / all.ms),
    ...rates(share, measured),
  ]);
  return table(heads, rows, { left: [0] });
}

function layerTable(shares: readonly Share[], all: Share, measured: Measured): string[] {
  const backward = all.backwardMs > 0;
  const heads = ["layer", ...(backward ? ["forward ms", "backward ms"] : ["ms"]), "share", ...rateHeads];
  const rows = withRest(shares, "other layers").map((share) => [
    cut(share.name || "(losses, optimiser, rest)", 30),
    ...(backward ? [(share.ms - share.backwardMs).toFixed(2), share.backwardMs.toFixed(2)] : [share.ms.toFixed(2)]),
    percent(share.ms / all.ms),
    ...rates(share, measured),
  ]);
  return table(heads, rows, { left: [0] });
}

const rateHeads = ["GFLOP/s", "of peak", "GB/s", "of copy"];

/** FLOPs over the time of the kernels that count them; the minimum bytes to move over the total time. */
function rates({ flops, flopsMs, bytes, ms }: Share, { gflops, bandwidth }: Measured): string[] {
  const arithmetic = flops / flopsMs / 1e6;
  const traffic = bytes / ms / 1e6;
  return [
    ...(flops > 0 ? [arithmetic.toFixed(1), percent(arithmetic / gflops)] : ["-", "-"]),
    ...(ms > 0 ? [traffic.toFixed(2), percent(traffic / bandwidth)] : ["-", "-"]),
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const cut = (name: string, most: number): string => (name.length <= most ? name : `${name.slice(0, most - 1)}…`);

/** The first rows and one that sums up the others. */
function withRest(shares: readonly Share[], name: string): Share[] {
  if (shares.length <= ROWS) return [...shares];
  const rest = shares.slice(ROWS - 1);
  const sum = (value: (share: Share) => number) => rest.reduce((all, share) => all + value(share), 0);
  const other: Share = {
    name: `${rest.length} ${name}`,
    calls: sum(({ calls }) => calls),
    ms: sum(({ ms }) => ms),
    backwardMs: sum(({ backwardMs }) => backwardMs),
    flops: sum(({ flops }) => flops),
    flopsMs: sum(({ flopsMs }) => flopsMs),
    bytes: sum(({ bytes }) => bytes),
  };
  return [...shares.slice(0, ROWS - 1), other];
}
