/** Batch normalisation: statistics, application and gradients, with an optional fused residual and ReLU. */
import {
  batchNormApply,
  batchNormGradMerge,
  batchNormGradSums,
  batchNormInputGrad,
  batchNormMerge,
  batchNormRunning,
  batchNormFields,
  batchNormStatistics,
  ROWS_PER_THREAD,
  type BatchNormFusion,
} from "../../shaders/batch_norm.wgsl.ts";
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import type * as BySubgroups from "./batchnorm-subgroup.ts";
import { ceilDiv, gcd } from "./grid.ts";
import {
  alongFirst,
  f32,
  input,
  nhwc,
  output,
  requireShape,
  scratch,
  showShape,
  update,
  type Kernel,
  type KernelModule,
  type Lowering,
  type LoweringContext,
  type OperandRef,
} from "./kernel.ts";
import { requireLoaded } from "./loaded.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

/** Threads that keep an adapter busy in a reduction over rows. */
const enoughThreads = (caps: Capabilities) => (caps.adapterClass === "software" ? 512 : 8192);
const MIN_RUN_ROWS = 16;

/** Rows up to which one subgroup per vector of channels sums faster than two dispatches do. */
const fewRows = (caps: Capabilities) => (caps.adapterClass === "software" ? 10_000 : 1024);

/** Whether subgroups sum these rows: the adapter has them, and the rows are few. */
const isForSubgroups = ({ caps }: LoweringContext, { rows }: Size): boolean =>
  caps.subgroupSize !== undefined && rows <= fewRows(caps);

/** What sums over the rows of x need. */
const neededFor =
  (x: readonly number[]) =>
  (context: LoweringContext): KernelModule[] =>
    isForSubgroups(context, sizeOf(x)) ? ["batchnorm-subgroup"] : [];

/** The one-dispatch lowering by subgroups, where the rows are for them. */
function bySubgroups(
  context: LoweringContext,
  size: Size,
  label: string,
  bindings: readonly OperandRef[],
  code: (shaders: typeof BySubgroups, subgroup: number) => string,
): Lowering[] {
  if (!isForSubgroups(context, size)) return [];
  const module = requireLoaded("batchnorm-subgroup", context);
  const dispatch = { label, bindings, params: paramsOf(size) };
  return module.perSubgroup(context.caps, size.quads, dispatch, (subgroup) => code(module, subgroup));
}

interface Size {
  rows: number;
  /** Vectors of `lanes` channels per row. */
  quads: number;
  lanes: 1 | 4;
}

function sizeOf(shape: readonly number[]): Size {
  const [n, h, w, c] = nhwc("batchNorm", shape);
  const lanes = lanesOf(c);
  return { rows: n * h * w, quads: c / lanes, lanes };
}

/** The values of the uniform, for kernels that bind all rows or, with `more`, some of them. */
function paramsOf({ rows, quads }: Size, runs = 1, more: { total?: number; first?: number; count?: number } = {}) {
  const values = { rows, quads, runs, run: ceilDiv(rows, runs), total: rows, first: 0, count: runs, ...more };
  return batchNormFields.map((name) => values[name]);
}

/** Runs of equal length, the last one shorter but never empty, into which the rows are cut for sums over them. */
function runsOf({ rows, quads }: Size, caps: Capabilities): number {
  const wanted = Math.max(1, Math.min(ceilDiv(enoughThreads(caps), quads), Math.floor(rows / MIN_RUN_ROWS)));
  return ceilDiv(rows, ceilDiv(rows, wanted));
}

/** Threads of the elementwise kernels. */
const elementwise = ({ rows, quads }: Size): number => quads * ceilDiv(rows, ROWS_PER_THREAD);

const channels = (op: string, x: readonly number[]): number => nhwc(op, x)[3];

/**
 * stats [3, C] of x in training; the running mean and variance (updates 0 and 1) move by `momentum`.
 * @throws ShapeError for a single value per channel, whose variance is undefined
 */
export function batchNormTrainingStats(x: readonly number[], eps: number, momentum: number): Kernel {
  const c = channels("batchNorm", x);
  requireShape(
    x[0]! * x[1]! * x[2]! > 1,
    () => `batchNorm: training needs more than one value per channel, got ${showShape(x)}`,
  );
  const statistics = ({ threads }: ThreadGrid) => batchNormStatistics(threads, lanesOf(c));
  const merge = ({ threads }: ThreadGrid) => batchNormMerge(threads, lanesOf(c), eps, momentum);
  /** Over parts of `counts` images: each part sums its runs of rows into their place among all; then one merge. */
  const lower = ({ caps }: LoweringContext, counts: readonly number[]): Lowering => {
    const size = sizeOf(x);
    const perImage = size.rows / x[0]!;
    let runs = runsOf(size, caps);
    // The usual length, or a little more where parts would cut a run.
    if (counts.length > 1)
      runs =
        size.rows /
        leastDivisor(
          counts.map((n) => n * perImage),
          ceilDiv(size.rows, runs),
        );
    const run = ceilDiv(size.rows, runs);
    let row = 0;
    const dispatches = counts.map((count) => {
      const range = { offset: 4 * c * row, bytes: 4 * c * count * perImage };
      const some = { first: row / run, count: ceilDiv(count * perImage, run) };
      row += count * perImage;
      const bindings = [{ ...input(0), range }, scratch(0)];
      const params = paramsOf(size, runs, some);
      return threadDispatch("batchNorm.stats", some.count * size.quads, bindings, statistics, params);
    });
    const results = [scratch(0), update(0), update(1), output(0)];
    dispatches.push(threadDispatch("batchNorm.merge", size.quads, results, merge, paramsOf(size, runs)));
    return { variant: "plain", scratch: [12 * runs * c], dispatches };
  };
  const kernel: Kernel = {
    name: "batchNorm.stats",
    inputs: [f32(...x)],
    outputs: [f32(3, c)],
    updates: [f32(c), f32(c)],
    flops: 0,
    // Only the sum of shift and delta is meaningful.
    canonical: ([stats, ...running]) => {
      const mean = new Float32Array(c).map((_, i) => stats![i]! + stats![c + i]!);
      return [mean, stats!.subarray(2 * c), ...running];
    },
    needs: neededFor(x),
    lower(context) {
      const bindings = [input(0), update(0), update(1), output(0)];
      return [
        ...bySubgroups(context, sizeOf(x), "batchNorm.stats", bindings, (shaders, subgroup) =>
          shaders.batchNormStatisticsSubgroup(subgroup, lanesOf(c), eps, momentum),
        ),
        lower(context, [x[0]!]),
      ];
    },
    parts: { ...alongFirst(x, (part) => ({ ...kernel, inputs: [f32(...part)] })), lower },
  };
  return kernel;
}

/** The smallest common divisor of these numbers that is at least `least`; their greatest if there is none. */
function leastDivisor(numbers: readonly number[], least: number): number {
  const most = numbers.reduce(gcd);
  for (let d = least; d < most; d++) if (most % d === 0) return d;
  return most;
}

/** stats [3, C] from the running mean and variance [C]. */
export function batchNormRunningStats(c: number, eps: number): Kernel {
  const lanes = lanesOf(c);
  const kernel = { name: "batchNorm.running", inputs: [f32(c), f32(c)], outputs: [f32(3, c)] };
  const code = ({ threads }: ThreadGrid) => batchNormRunning(threads, lanes, eps);
  return perThread(kernel, c / lanes, code, paramsOf({ rows: 1, quads: c / lanes, lanes }));
}

/** y from x, stats, gamma, beta (, residual). */
export function batchNormForward(x: readonly number[], fusion: BatchNormFusion): Kernel {
  const c = channels("batchNorm", x);
  const inputs = [f32(...x), f32(3, c), f32(c), f32(c), ...(fusion.residual ? [f32(...x)] : [])];
  const size = sizeOf(x);
  const code = ({ threads }: ThreadGrid) => batchNormApply(threads, size.lanes, fusion);
  const parts = alongFirst(x, (part) => batchNormForward(part, fusion));
  const traits = { cheap: true, affine: { relu: fusion.relu } };
  const kernel = { name: "batchNorm", inputs, outputs: [f32(...x)], parts, traits };
  return perThread(kernel, elementwise(size), code, paramsOf(size));
}

/** sums [2, C] = dgamma, dbeta, and dgamma [C] and dbeta [C] on their own, from x, dy, stats (, y with ReLU). */
export function batchNormParameterGrads(x: readonly number[], relu: boolean): Kernel {
  const c = channels("batchNorm", x);
  const inputs = [f32(...x), f32(...x), f32(3, c), ...(relu ? [f32(...x)] : [])];
  return {
    name: "batchNorm.parameterGrads",
    inputs,
    outputs: [f32(2, c), f32(c), f32(c)],
    updates: [],
    flops: 0,
    parts: alongFirst(x, (part) => batchNormParameterGrads(part, relu)),
    needs: neededFor(x),
    lower(context) {
      const size = sizeOf(x);
      const { quads, lanes } = size;
      const runs = runsOf(size, context.caps);
      const params = paramsOf(size, runs);
      const bindings = [...inputs.map((_, i) => input(i)), scratch(0)];
      const sums = ({ threads }: ThreadGrid) => batchNormGradSums(threads, lanes, relu);
      const merge = ({ threads }: ThreadGrid) => batchNormGradMerge(threads, lanes);
      const results = [scratch(0), output(0), output(1), output(2)];
      const dispatches = [
        threadDispatch("batchNorm.gradSums", runs * quads, bindings, sums, params),
        threadDispatch("batchNorm.gradMerge", quads, results, merge, params),
      ];
      const operands = [...inputs.map((_, i) => input(i)), output(0), output(1), output(2)];
      return [
        ...bySubgroups(context, size, "batchNorm.gradSums", operands, (shaders, subgroup) =>
          shaders.batchNormGradSumsSubgroup(subgroup, lanes, relu),
        ),
        { variant: "plain", scratch: [8 * c * runs], dispatches },
      ];
    },
  };
}

/**
 * dx (, dresidual) from x, dy, stats, gamma (, sums in training) (, y with ReLU). `total` is the number of rows that the
 * statistics cover.
 */
export function batchNormInputGrads(
  x: readonly number[],
  fusion: BatchNormFusion & { training: boolean },
  total = sizeOf(x).rows,
): Kernel {
  const c = channels("batchNorm", x);
  const inputs = [f32(...x), f32(...x), f32(3, c), f32(c)];
  if (fusion.training) inputs.push(f32(2, c));
  if (fusion.relu) inputs.push(f32(...x));
  const outputs = fusion.residual ? [f32(...x), f32(...x)] : [f32(...x)];
  const size = sizeOf(x);
  const code = ({ threads }: ThreadGrid) => batchNormInputGrad(threads, size.lanes, fusion);
  const parts = alongFirst(x, (part) => batchNormInputGrads(part, fusion, total));
  const kernel = { name: "batchNorm.inputGrad", inputs, outputs, parts };
  return perThread(kernel, elementwise(size), code, paramsOf(size, 1, { total }));
}
