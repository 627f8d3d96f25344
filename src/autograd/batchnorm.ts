/** Batch normalisation, with an optional residual and ReLU in the same pass. */
import {
  batchNormForward,
  batchNormInputGrads,
  batchNormParameterGrads,
  batchNormRunningStats,
  batchNormTrainingStats,
} from "../kernels/batchnorm.ts";
import { nhwc, requireKnown, requireNumber, requireShape, showShape } from "../kernels/kernel.ts";
import { requireSame } from "../kernels/reduce.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor, type Variable } from "../graph/tensor.ts";

/** What a batch normalisation has by channel: each [C]. */
export interface BatchNormParameters {
  /** All [C]. */
  weight: Tensor;
  bias: Tensor;
  runningMean: Variable;
  runningVar: Variable;
}

/** How `batchNorm2d` normalises. */
export interface BatchNormOptions {
  eps?: number;
  momentum?: number;
  relu?: boolean;
  /** Added before the ReLU; of x's shape. */
  residual?: Tensor | undefined;
}

/** Of the node that prepares the running statistics. */
export interface BatchNormStatsSettings {
  readonly eps: number;
}

export interface BatchNormSettings {
  readonly relu: boolean;
}

/**
 * relu?((x - mean) / sqrt(var + eps) * weight + bias + residual?) per channel of x [N, H, W, C]. In a training graph mean
 * and (biased) variance are the batch's, and the running ones move by `momentum` towards them (unbiased variance, as in
 * PyTorch); in other graphs they are the running ones.
 * @throws ShapeError
 */
export function batchNorm2d(x: Tensor, parameters: BatchNormParameters, options: BatchNormOptions = {}): Tensor {
  requireKnown("batchNorm", options, ["eps", "momentum", "relu", "residual"]);
  const { eps = 1e-5, momentum = 0.1, relu = false, residual } = options;
  const { weight, bias, runningMean, runningVar } = parameters;
  const all = [x, weight, bias, runningMean, runningVar, ...(residual === undefined ? [] : [residual])];
  requireTensors("batchNorm", ...all);
  requireNumber("batchNorm", "eps", eps, 0);
  requireNumber("batchNorm", "momentum", momentum, 0);
  const graph = graphOf("batchNorm", x);
  const training = graph.follow("batchNorm");
  const c = nhwc("batchNorm", x.shape)[3];
  for (const t of [weight, bias, runningMean, runningVar]) {
    requireShape(
      t.size === c,
      () => `batchNorm: input ${showShape(x.shape)} needs parameters [${c}], got ${showShape(t.shape)}`,
    );
  }
  if (residual) requireSame("batchNorm residual", x.shape, residual.shape);
  const [stats] = training
    ? graph.record(batchNormTrainingStats(x.shape, eps, momentum), [x], { updates: [runningMean, runningVar] })
    : graph.record(batchNormRunningStats(c, eps), [runningMean, runningVar], {
        settings: { eps } satisfies BatchNormStatsSettings,
      });
  const fusion = { relu, residual: residual !== undefined };
  const inputs = [x, stats!, weight, bias, ...(residual ? [residual] : [])];
  const outputs = graph.record(batchNormForward(x.shape, fusion), inputs, {
    settings: { relu } satisfies BatchNormSettings,
    // In training the statistics are functions of x; the rule below gives x the whole of its gradient.
    gradient: ([dy], [wantsX, , wantsWeight, wantsBias, wantsResidual]) => {
      const y = relu ? [outputs[0]!] : [];
      const needsSums = wantsWeight || wantsBias || (wantsX && training);
      const [sums, dweight, dbias] = needsSums
        ? graph.record(batchNormParameterGrads(x.shape, relu), [x, dy!, stats!, ...y])
        : [];
      const [dx, dresidual] =
        wantsX || wantsResidual
          ? graph.record(batchNormInputGrads(x.shape, { ...fusion, training }), [
              x,
              dy!,
              stats!,
              weight,
              ...(training ? [sums!] : []),
              ...y,
            ])
          : [];
      return [dx, undefined, dweight, dbias, dresidual];
    },
  });
  return outputs[0]!;
}
