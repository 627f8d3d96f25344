/** Losses, one value per sample. */
import {
  crossEntropy,
  crossEntropyGrad,
  diceGrad,
  diceMerge,
  diceRuns,
  nll,
  nllGrad,
} from "../../shaders/losses.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import {
  aKind,
  alongFirst,
  f32,
  input,
  isList,
  output,
  requireShape,
  scratch,
  showShape,
  sizeOf,
  u32,
  type Kernel,
} from "./kernel.ts";
import { perThread, threadDispatch } from "./per-thread.ts";
import { requireSame } from "./reduce.ts";

/** loss [N] and softmax [N, K] from logits [N, K] and labels u32 [N]; `weights` [K] of the classes where they differ. */
export function crossEntropyKernel(
  logits: readonly number[],
  label: readonly number[],
  weights?: readonly number[],
): Kernel {
  requireShape(
    logits.length === 2 && label.length === 1 && label[0] === logits[0],
    () => `crossEntropy: logits ${showShape(logits)} and labels ${showShape(label)} do not match`,
  );
  const [n, k] = logits as [number, number];
  requireShape(
    weights === undefined || (weights.length === k && weights.every((w) => w > 0 && Number.isFinite(w))),
    () =>
      `crossEntropy: weights ${isList(weights) ? showShape(weights!) : `(${aKind(weights)})`} are not ${k} positive numbers`,
  );
  const kernel = { name: "crossEntropy", inputs: [f32(n, k), u32(n)], outputs: [f32(n), f32(n, k)] };
  return perThread(kernel, n, (grid) => crossEntropy(grid, { samples: n, classes: k, weights }));
}

/** dlogits from softmax, labels and dloss [N]. */
export function crossEntropyGradKernel(logits: readonly number[], weights?: readonly number[]): Kernel {
  const [n, k] = logits as [number, number];
  const kernel = { name: "crossEntropy.grad", inputs: [f32(n, k), u32(n), f32(n)], outputs: [f32(n, k)] };
  return perThread(kernel, n * k, (grid) => crossEntropyGrad(grid, { samples: n, classes: k, weights }));
}

/** loss [N] from log-probabilities [N, K] and labels u32 [N]. @throws ShapeError */
export function nllKernel(x: readonly number[], label: readonly number[]): Kernel {
  requireShape(
    x.length === 2 && label.length === 1 && label[0] === x[0],
    () => `nllLoss: log-probabilities ${showShape(x)} and labels ${showShape(label)} do not match`,
  );
  const [n, k] = x as [number, number];
  const kernel = { name: "nllLoss", inputs: [f32(n, k), u32(n)], outputs: [f32(n)] };
  return perThread(kernel, n, (grid) => nll(grid, k));
}

/** dx from labels and dloss [N]. */
export function nllGradKernel(x: readonly number[]): Kernel {
  const [n, k] = x as [number, number];
  const kernel = { name: "nllLoss.grad", inputs: [u32(n), f32(n)], outputs: [f32(n, k)] };
  return perThread(kernel, n * k, (grid) => nllGrad(grid, k));
}

function diceSize(prob: readonly number[], smooth: number) {
  const samples = prob[0]!;
  const pixels = sizeOf(prob) / samples;
  const runs = Math.max(1, Math.min(64, Math.floor(pixels / 64)));
  return { samples, pixels, runs: ceilDiv(pixels, ceilDiv(pixels, runs)), smooth };
}

/** loss [N] and slope [N, 2] from prob and target, both [N, ...]. */
export function diceKernel(prob: readonly number[], target: readonly number[], smooth: number): Kernel {
  requireSame("diceLoss", prob, target);
  const size = diceSize(prob, smooth);
  const { samples, runs } = size;
  return {
    name: "dice",
    inputs: [f32(...prob), f32(...prob)],
    outputs: [f32(samples), f32(samples, 2)],
    updates: [],
    flops: 0,
    parts: alongFirst(prob, (part) => diceKernel(part, part, smooth)),
    lower: () => [
      {
        variant: "plain",
        scratch: [16 * samples * runs],
        dispatches: [
          threadDispatch("dice.runs", samples * runs, [input(0), input(1), scratch(0)], (grid) => diceRuns(size, grid)),
          threadDispatch("dice.merge", samples, [scratch(0), output(0), output(1)], (grid) => diceMerge(size, grid)),
        ],
      },
    ],
  };
}

/** dprob from target, slope and dloss [N]. */
export function diceGradKernel(prob: readonly number[], smooth: number): Kernel {
  const size = diceSize(prob, smooth);
  const { samples } = size;
  const inputs = [f32(...prob), f32(samples, 2), f32(samples)];
  const parts = alongFirst(prob, (part) => diceGradKernel(part, smooth));
  const kernel = { name: "dice.grad", inputs, outputs: [f32(...prob)], parts };
  return perThread(kernel, sizeOf(prob), (grid) => diceGrad(size, grid));
}
