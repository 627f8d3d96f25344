/** Convolution and the linear layer. */
import {
  conv2dForward,
  conv2dInputGrad,
  conv2dShape,
  conv2dWeightGrad,
  type Conv2dOptions,
} from "../kernels/conv2d.ts";
import type { Conv2dShape } from "../../shaders/lib/conv.ts";
import { requireShape, sameShape, showShape, showSpec, sizeOf } from "../kernels/kernel.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

export type { Conv2dOptions };

/** Of convolutions and linear layers. `relu`: applied at the end, where a batch normalisation with it was folded. */
export type Conv2dSettings = Pick<Conv2dShape, "stride" | "padding" | "dilation" | "groups"> & {
  readonly relu?: boolean;
};

/**
 * Cross-correlation as in PyTorch's conv2d.
 * @param x [N, H, W, Ci]
 * @param weight [KH, KW, Ci / groups, Co]
 * @param bias [Co], or undefined for none
 * @returns [N, OH, OW, Co] with OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1
 * @throws ShapeError
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv2dOptions = {}): Tensor {
  requireTensors("conv2d", x, weight, ...(bias === undefined ? [] : [bias]));
  const s = conv2dShape(x.shape, weight.shape, options);
  return convolve("conv2d", s, x, weight, bias, [s.n, s.oh, s.ow, s.co]);
}

/**
 * y = x weight + bias, of each vector along the last axis of x.
 * @param x [..., I], such as [N, I] or tokens [N, T, I]
 * @param weight [I, O], the transpose of PyTorch's
 * @param bias [O], or undefined for none
 * @returns [..., O]
 * @throws ShapeError
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  requireTensors("linear", x, weight, ...(bias === undefined ? [] : [bias]));
  const leading = x.shape.slice(0, -1);
  const i = x.shape.at(-1)!;
  const o = weight.shape[1];
  requireShape(
    leading.length > 0 && weight.shape.length === 2 && weight.shape[0] === i,
    () => `linear: input ${showShape(x.shape)} and weight ${showShape(weight.shape)} do not match`,
  );
  // The first size stays that of the images, along which work is cut; the weight gradient wants long lines.
  const [n, ...rest] = leading;
  const s = conv2dShape([n!, 1, sizeOf(rest), i], [1, 1, i, o!]);
  return convolve("linear", s, x, weight, bias, [...leading, o!]);
}

/**
 * y = flattened x times weight, plus bias: the linear layer behind a map.
 * @param x [N, H, W, C]
 * @param weight [H, W, C, O]
 * @param bias [O], or undefined for none
 * @returns [N, O]
 * @throws ShapeError
 */
export function flattenedLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  requireTensors("flattenedLinear", x, weight, ...(bias === undefined ? [] : [bias]));
  const covers =
    x.shape.length === 4 && weight.shape.length === 4 && sameShape(x.shape.slice(1), weight.shape.slice(0, 3));
  requireShape(
    covers,
    () => `flattenedLinear: weight ${showShape(weight.shape)} does not cover input ${showShape(x.shape)}`,
  );
  // A pixel's channels lie together in both, so that the map is a vector already.
  const [n, inputs, outputs] = [x.shape[0]!, x.size / x.shape[0]!, weight.shape[3]!];
  const s = conv2dShape([n, 1, 1, inputs], [1, 1, inputs, outputs]);
  return convolve("flattenedLinear", s, x, weight, bias, [n, outputs]);
}

function convolve(
  op: string,
  s: Conv2dShape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  shape: readonly number[],
): Tensor {
  requireShape(
    bias === undefined || (bias.shape.length === 1 && bias.shape[0] === s.co),
    () => `${op}: a bias ${showShape(bias!.shape)} does not match weight ${showShape(weight.shape)}`,
  );
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const graph = graphOf(op, ...inputs);
  requireShape(
    inputs.every(({ dtype }) => dtype === "f32"),
    () => `${op}: expected operands of f32, got ${inputs.map(showSpec).join(", ")}`,
  );
  const [y] = graph.record(conv2dForward(s, { bias: bias !== undefined }), inputs, {
    shapes: [shape],
    settings: s satisfies Conv2dSettings,
    gradient: ([dy], [wantsX, wantsWeight, wantsBias]) => [
      wantsX ? graph.record(conv2dInputGrad(s), [dy!, weight], { shapes: [x.shape] })[0] : undefined,
      wantsWeight ? graph.record(conv2dWeightGrad(s), [x, dy!], { shapes: [weight.shape] })[0] : undefined,
      wantsBias
        ? graph.record(spatialSumKernel(`${op}.biasGrad`, [1, s.n * s.oh, s.ow, s.co], "none", 1), [dy!], {
            shapes: [[s.co]],
          })[0]
        : undefined,
    ],
  });
  return y!;
}
