/** What Mask-Guided Attention is made of. Features f [N, H, W, C], maps m [N, H, W, 1], channel weights a [N, C]. */
import {
  maskedMeanGradKernel,
  mgaForwardKernel,
  mgaGradKernel,
  minMaxGradKernel,
  minMaxKernel,
  requireMap,
  type Fusion,
} from "../kernels/attention.ts";
import { requireShape, showShape } from "../kernels/kernel.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";
import { graphOf } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

export type { Fusion };

/** Each sample of x [N, ...] scaled by (x - min) / (max - min + eps); the gradient goes through min and max, ties share. */
export function minMaxNormalize(x: Tensor, eps = 1e-6): Tensor {
  const graph = graphOf(x);
  const outputs = graph.record(minMaxKernel(x.shape, eps), [x], {
    gradient: ([dy]) => graph.record(minMaxGradKernel(x.shape, eps), [x, dy!, outputs[0]!, outputs[1]!]),
  });
  return outputs[0]!;
}

/** The mean of f m over the pixels, [N, C]. */
export function maskedMean(f: Tensor, m: Tensor): Tensor {
  requireMap("maskedMean", f.shape, m.shape);
  const graph = graphOf(f, m);
  const factor = 1 / (f.shape[1]! * f.shape[2]!);
  return graph.record(spatialSumKernel("maskedMean", f.shape, "map", factor), [f, m], {
    gradient: ([dp]) => graph.record(maskedMeanGradKernel(f.shape), [f, m, dp!]),
  })[0]!;
}

/**
 * The enhanced features: parallel f (1 + m + a), serial f (1 + m a), spatial f (1 + m), channel f (1 + a). Operands that
 * a fusion does not use may be undefined.
 * @throws ShapeError
 */
export function mgaEnhance(f: Tensor, m: Tensor | undefined, a: Tensor | undefined, fusion: Fusion): Tensor {
  const map = fusion === "channel" ? undefined : m;
  const channels = fusion === "spatial" ? undefined : a;
  requireShape(fusion === "channel" || m !== undefined, () => `mga: ${fusion} fusion needs a map`);
  requireShape(fusion === "spatial" || a !== undefined, () => `mga: ${fusion} fusion needs channel weights`);
  if (map) requireMap("mga", f.shape, map.shape);
  if (channels) {
    requireShape(
      channels.shape.length === 2 && channels.shape[0] === f.shape[0] && channels.shape[1] === f.shape[3],
      () => `mga: channel weights ${showShape(channels.shape)} do not fit features ${showShape(f.shape)}`,
    );
  }
  const graph = graphOf(f);
  const operands = [...(map ? [map] : []), ...(channels ? [channels] : [])];
  return graph.record(mgaForwardKernel(f.shape, fusion), [f, ...operands], {
    gradient: ([dy], wanted) => {
      const [df, dm] = graph.record(mgaGradKernel(f.shape, fusion), [f, dy!, ...operands]);
      const wantsChannels = channels !== undefined && wanted.at(-1)!;
      const weighted = fusion === "serial";
      const sum = spatialSumKernel("mga.channelGrad", f.shape, weighted ? "weighted" : "product", 1);
      const da = wantsChannels ? graph.record(sum, weighted ? [f, dy!, map!] : [f, dy!])[0] : undefined;
      return [df, ...(map ? [dm] : []), ...(channels ? [da] : [])];
    },
  })[0]!;
}
