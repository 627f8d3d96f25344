/** Where in an image a class is seen: features summed over their channels with per-image weights. */
import { classActivationGradKernel, classActivationKernel } from "../kernels/class-activation.ts";
import { requireShape, showShape } from "../kernels/kernel.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";
import { graphOf } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

export interface ClassActivationSettings {
  readonly relu: boolean;
}

/**
 * The sum over the channels of a f, clipped at 0 with `relu`: a class activation map (Zhou et al. 2016); with ReLU, that
 * of Grad-CAM (Selvaraju et al. 2017).
 * @param f [N, H, W, C]
 * @param a [N, C]
 * @returns [N, H, W, 1]
 * @throws ShapeError
 */
export function classActivation(f: Tensor, a: Tensor, { relu = false }: { relu?: boolean } = {}): Tensor {
  const kernel = classActivationKernel(f.shape, relu);
  requireShape(
    a.shape.length === 2 && a.shape[0] === f.shape[0] && a.shape[1] === f.shape[3],
    () => `classActivation: weights ${showShape(a.shape)} do not match features ${showShape(f.shape)}`,
  );
  const graph = graphOf("classActivation", f, a);
  const outputs = graph.record(kernel, [f, a], {
    settings: { relu } satisfies ClassActivationSettings,
    gradient: ([dy], [, wantsWeights]) => {
      const y = relu ? [outputs[0]!] : [];
      const [df, masked] = graph.record(classActivationGradKernel(f.shape, relu), [a, dy!, ...y]);
      const sum = spatialSumKernel("classActivation.weightGrad", f.shape, "map", 1);
      return [df, wantsWeights ? graph.record(sum, [f, masked ?? dy!])[0] : undefined];
    },
  });
  return outputs[0]!;
}
