/** Batch normalisation: statistics, application and gradients; with residual and ReLU fused on request. */
import {
  batchNormApply,
  batchNormGradMerge,
  batchNormGradSums,
  batchNormInputGrad,
  batchNormMerge,
  batchNormRunning,
  batchNormStatistics,
  type BatchNormFusion,
  type BatchNormSize,
} from "../../shaders/batch_norm.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { ceilDiv } from "./grid.ts";
import {
  f32,
  input,
  nhwc,
  output,
  requireShape,
  scratch,
  showShape,
  update,
  type Kernel,
} from "./kernel.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

/** Threads that keep an adapter busy in a reduction over rows. */
const enoughThreads = (caps: Capabilities) => (caps.adapterClass === "software" ? 512 : 8192);
const FEWEST_ROWS = 16;

function sizeFor(shape: readonly number[], caps: Capabilities): BatchNormSize {
  const size = elementwiseSize(shape);
  const { rows, quads } = size;
  const wanted = Math.max(1, Math.min(ceilDiv(enoughThreads(caps), quads), Math.floor(rows / FEWEST_ROWS)));
  // Runs of equal length, the last one shorter but never empty.
  return { ...size, runs: ceilDiv(rows, ceilDiv(rows, wanted)) };
}

/** The size as kernels without runs see it. */
function elementwiseSize(shape: readonly number[]): BatchNormSize {
  const [n, h, w, c] = nhwc("batchNorm", shape);
  const lanes = lanesOf(c);
  return { rows: n * h * w, quads: c / lanes, lanes, runs: 1 };
}

const channels = (op: string, x: readonly number[]): number => nhwc(op, x)[3];

/**
 * stats [3, C] of x in training; the running mean and variance (updates 0 and 1) move by `momentum`.
 * @throws ShapeError for a single value a channel, whose variance is undefined
 */
export function batchNormTrainingStats(x: readonly number[], eps: number, momentum: number): Kernel {
  const c = channels("batchNorm", x);
  requireShape(
    x[0]! * x[1]! * x[2]! > 1,
    () => `batchNorm: training needs more than one value a channel, got ${showShape(x)}`,
  );
  return {
    name: "batchNorm.stats",
    inputs: [f32(...x)],
    outputs: [f32(3, c)],
    updates: [f32(c), f32(c)],
    flops: 0,
    lower(caps) {
      const size = sizeFor(x, caps);
      const { runs, quads } = size;
      const dispatches = [
        threadDispatch("batchNorm.stats", runs * quads, [input(0), scratch(0)], (grid) =>
          batchNormStatistics(size, grid),
        ),
        threadDispatch("batchNorm.merge", quads, [scratch(0), update(0), update(1), output(0)], (grid) =>
          batchNormMerge(size, grid, eps, momentum),
        ),
      ];
      return [{ variant: "plain", scratch: [12 * runs * c], dispatches }];
    },
  };
}

/** stats [3, C] from the running mean and variance [C]. */
export function batchNormRunningStats(c: number, eps: number): Kernel {
  const lanes = lanesOf(c);
  const kernel = { name: "batchNorm.running", inputs: [f32(c), f32(c)], outputs: [f32(3, c)] };
  return perThread(kernel, c / lanes, (grid) =>
    batchNormRunning({ rows: 1, quads: c / lanes, lanes, runs: 1 }, grid, eps),
  );
}

/** y from x, stats, gamma, beta (, residual). */
export function batchNormForward(x: readonly number[], fusion: BatchNormFusion): Kernel {
  const c = channels("batchNorm", x);
  const inputs = [f32(...x), f32(3, c), f32(c), f32(c), ...(fusion.residual ? [f32(...x)] : [])];
  const size = elementwiseSize(x);
  return perThread({ name: "batchNorm", inputs, outputs: [f32(...x)] }, size.rows * size.quads, (grid) =>
    batchNormApply(size, grid, fusion),
  );
}

/** sums [2, C] = dgamma, dbeta, and dgamma [C] and dbeta [C] for themselves, from x, dy, stats (, y with ReLU). */
export function batchNormParameterGrads(x: readonly number[], relu: boolean): Kernel {
  const c = channels("batchNorm", x);
  const inputs = [f32(...x), f32(...x), f32(3, c), ...(relu ? [f32(...x)] : [])];
  return {
    name: "batchNorm.parameterGrads",
    inputs,
    outputs: [f32(2, c), f32(c), f32(c)],
    updates: [],
    flops: 0,
    lower(caps) {
      const size = sizeFor(x, caps);
      const { runs, quads } = size;
      const bindings = [...inputs.map((_, i) => input(i)), scratch(0)];
      const dispatches = [
        threadDispatch("batchNorm.gradSums", runs * quads, bindings, (grid) => batchNormGradSums(size, grid, relu)),
        threadDispatch("batchNorm.gradMerge", quads, [scratch(0), output(0), output(1), output(2)], (grid) =>
          batchNormGradMerge(size, grid),
        ),
      ];
      return [{ variant: "plain", scratch: [8 * c * runs], dispatches }];
    },
  };
}

/** dx (, dresidual) from x, dy, stats, gamma (, sums in training) (, y with ReLU). */
export function batchNormInputGrads(x: readonly number[], fusion: BatchNormFusion & { training: boolean }): Kernel {
  const c = channels("batchNorm", x);
  const inputs = [f32(...x), f32(...x), f32(3, c), f32(c)];
  if (fusion.training) inputs.push(f32(2, c));
  if (fusion.relu) inputs.push(f32(...x));
  const outputs = fusion.residual ? [f32(...x), f32(...x)] : [f32(...x)];
  const size = elementwiseSize(x);
  return perThread({ name: "batchNorm.inputGrad", inputs, outputs }, size.rows * size.quads, (grid) =>
    batchNormInputGrad(size, grid, fusion),
  );
}
