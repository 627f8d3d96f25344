/** Products of batches of matrices, and softmax. */
import { isList, requireKnown, requireNumber, requireShape, sameShape, showShape, sizeOf } from "../kernels/kernel.ts";
import { matmulKernel, type MatmulOptions } from "../kernels/matmul-forms.ts";
import { sampleSumKernel } from "../kernels/reduce.ts";
import { softmaxInputGradKernel, softmaxKernel } from "../kernels/softmax.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

export interface MatmulForm {
  /** a is [B, K, M]; default false. */
  transposeA?: boolean;
  /** b is [B, N, K]; default false. */
  transposeB?: boolean;
}

/**
 * The product of each pair of matrices, as PyTorch's bmm.
 * @param a [B, M, K]
 * @param b [B, K, N]
 * @returns [B, M, N]
 * @throws ShapeError
 */
export function matmul(a: Tensor, b: Tensor, form: MatmulForm = {}): Tensor {
  requireTensors("matmul", a, b);
  requireKnown("matmul", form, ["transposeA", "transposeB"]);
  const { transposeA = false, transposeB = false } = form;
  const graph = graphOf("matmul", a, b);
  return graph.record(matmulKernel(a.shape, b.shape, { transposeA, transposeB }), [a, b], {
    settings: { transposeA, transposeB } satisfies MatmulOptions,
    gradient([dy], [wantsA, wantsB]) {
      // da = dy bᵀ and db = aᵀ dy, or their transposes where an operand is.
      const da = () =>
        transposeA
          ? matmul(b, dy!, { transposeA: transposeB, transposeB: true })
          : matmul(dy!, b, { transposeB: !transposeB });
      const db = () =>
        transposeB
          ? matmul(dy!, a, { transposeA: true, transposeB: transposeA })
          : matmul(a, dy!, { transposeA: !transposeA });
      return [wantsA ? da() : undefined, wantsB ? db() : undefined];
    },
  })[0]!;
}

export interface SoftmaxOptions {
  /** Factor on x; default 1. */
  scale?: number;
  /** Added to the scaled x; its shape is that of x without some of the first axes, so that it is shared along those. */
  bias?: Tensor;
}

export interface SoftmaxSettings {
  readonly scale: number;
}

/**
 * softmax(scale x + bias) over the last axis.
 * @param x [N, ..., K]
 * @throws ShapeError
 */
export function softmax(x: Tensor, options: SoftmaxOptions = {}): Tensor {
  requireKnown("softmax", options, ["scale", "bias"]);
  const { scale = 1, bias } = options;
  requireTensors("softmax", x, ...(bias === undefined ? [] : [bias]));
  requireNumber("softmax", "scale", scale);
  if (bias) {
    const shared = x.shape.length - bias.shape.length;
    requireShape(
      isList(bias.shape) && shared > 0 && sameShape(bias.shape, x.shape.slice(shared)),
      () => `softmax: a bias ${showShape(bias.shape)} is not shared along the first axes of ${showShape(x.shape)}`,
    );
  }
  const graph = graphOf("softmax", x);
  const outputs = graph.record(softmaxKernel(x.shape, scale, bias?.shape), bias ? [x, bias] : [x], {
    settings: { scale } satisfies SoftmaxSettings,
    gradient([dy], [wantsX, wantsBias]) {
      const [y] = outputs;
      const dx = wantsX ? graph.record(softmaxInputGradKernel(x.shape, scale), [y!, dy!])[0] : undefined;
      if (!wantsBias) return [dx];
      const [dz] = graph.record(softmaxInputGradKernel(x.shape, 1), [y!, dy!]);
      const stacked = [sizeOf(x.shape) / bias!.size, ...bias!.shape];
      return [dx, graph.record(sampleSumKernel("softmax.biasGrad", stacked), [dz!])[0]];
    },
  });
  return outputs[0]!;
}
