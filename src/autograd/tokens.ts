/** What transformers do with tokens [N, T, C] besides attention: layer norm, heads, windows, class token and positions. */
import {
  prependTokenKernel,
  spaceToDepthKernel,
  swapKernel,
  tokensKernel,
  windowPartitionKernel,
  windowReverseKernel,
  type Windows,
} from "../kernels/gather.ts";
import {
  nhwc,
  requireKnown,
  requireNumber,
  requireShape,
  requireWhole,
  sameShape,
  showShape,
} from "../kernels/kernel.ts";
import { layerNormInputGradKernel, layerNormKernel, layerNormParameterGradsKernel } from "../kernels/layer-norm.ts";
import { sampleSumKernel } from "../kernels/reduce.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

export type { Windows };

export interface LayerNormSettings {
  readonly eps: number;
}

/** Of ops that cut tokens into heads or put them together. */
export interface HeadsSettings {
  readonly heads: number;
}

/**
 * (x - mean) / sqrt(variance + eps) weight + bias over the last axis, as PyTorch's layer_norm (biased variance).
 * @param x [..., C]
 * @param weight [C]
 * @param bias [C]
 * @throws ShapeError
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  requireTensors("layerNorm", x, weight, bias);
  requireNumber("layerNorm", "eps", eps, 0);
  const c = x.shape.at(-1)!;
  requireShape(
    [weight, bias].every(({ shape }) => sameShape(shape, [c])),
    () =>
      `layerNorm: input ${showShape(x.shape)} needs weight and bias [${c}], got ${showShape(weight.shape)} and ${showShape(bias.shape)}`,
  );
  const graph = graphOf("layerNorm", x);
  const outputs = graph.record(layerNormKernel(x.shape, eps), [x, weight, bias], {
    settings: { eps } satisfies LayerNormSettings,
    gradient([dy], [wantsX, wantsWeight, wantsBias]) {
      const [, means, deviations] = outputs;
      const dx = wantsX
        ? graph.record(layerNormInputGradKernel(x.shape), [dy!, x, weight, means!, deviations!])[0]
        : undefined;
      const [dweight, dbias] =
        wantsWeight || wantsBias
          ? graph.record(layerNormParameterGradsKernel(x.shape), [dy!, x, means!, deviations!])
          : [];
      return [dx, dweight, dbias];
    },
  });
  return outputs[0]!;
}

/** x [N, T, C] as given. @throws ShapeError */
function tokenShape(op: string, { shape }: Tensor): [number, number, number] {
  requireShape(shape.length === 3, () => `${op}: expected tokens [N, T, C], got ${showShape(shape)}`);
  return shape as unknown as [number, number, number];
}

/**
 * A class token before the tokens, and positions added to all of them.
 * @param x [N, T, C], or pixels [N, H, W, C], which become tokens row by row
 * @param token [C], or of that many elements
 * @param positions [1 + T, C], or of that many elements
 * @returns [N, 1 + T, C]
 * @throws ShapeError
 */
export function prependToken(x: Tensor, token: Tensor, positions: Tensor): Tensor {
  requireTensors("prependToken", x, token, positions);
  const { shape } = x;
  const [n, t, c] = shape.length === 4 ? [shape[0]!, shape[1]! * shape[2]!, shape[3]!] : tokenShape("prependToken", x);
  requireShape(
    token.size === c && positions.size === (1 + t) * c,
    () =>
      `prependToken: tokens ${showShape(x.shape)} need a token [${c}] and positions [${1 + t}, ${c}], got ${showShape(token.shape)} and ${showShape(positions.shape)}`,
  );
  const graph = graphOf("prependToken", x);
  return graph.record(prependTokenKernel([n, t, c]), [x, token, positions], {
    gradient([dy], [wantsX, wantsToken, wantsPositions]) {
      const first = () => graph.record(tokensKernel("firstToken", [n, t + 1, c], 1, 0), [dy!])[0]!;
      return [
        wantsX
          ? graph.record(tokensKernel("prependToken.inputGrad", [n, t + 1, c], t, 1), [dy!], { shapes: [shape] })[0]
          : undefined,
        wantsToken
          ? graph.record(sampleSumKernel("prependToken.tokenGrad", [n, c]), [first()], { shapes: [token.shape] })[0]
          : undefined,
        wantsPositions
          ? graph.record(sampleSumKernel("prependToken.positionGrad", [n, t + 1, c]), [dy!], {
              shapes: [positions.shape],
            })[0]
          : undefined,
      ];
    },
  })[0]!;
}

/** The first token of each sample: x [N, T, C] -> [N, C]. @throws ShapeError */
export function firstToken(x: Tensor): Tensor {
  requireTensors("firstToken", x);
  const [n, t, c] = tokenShape("firstToken", x);
  const graph = graphOf("firstToken", x);
  return graph.record(tokensKernel("firstToken", x.shape, 1, 0), [x], {
    shapes: [[n, c]],
    gradient: ([dy]) => graph.record(tokensKernel("firstToken.inputGrad", [n, 1, c], t, 0), [dy!]),
  })[0]!;
}

/**
 * The channels of tokens cut into heads of equal size, each with tokens of its own.
 * @param x [N, T, C]
 * @returns [N · heads, T, C / heads], a sample's heads behind each other
 * @throws ShapeError
 */
export function headsApart(x: Tensor, heads: number): Tensor {
  requireTensors("headsApart", x);
  requireWhole("headsApart", "heads", heads, 1);
  const [n, t, c] = tokenShape("headsApart", x);
  requireShape(c % heads === 0, () => `headsApart: ${showShape(x.shape)} does not divide into ${heads} heads`);
  const d = c / heads;
  const graph = graphOf("headsApart", x);
  return graph.record(swapKernel("headsApart", [n, t, heads, d]), [x], {
    shapes: [[n * heads, t, d]],
    settings: { heads } satisfies HeadsSettings,
    gradient: ([dy]) =>
      graph.record(swapKernel("headsApart.inputGrad", [n, heads, t, d]), [dy!], { shapes: [x.shape] }),
  })[0]!;
}

/**
 * The inverse: x [N · heads, T, D] -> [N, T, heads D].
 * @throws ShapeError
 */
export function headsTogether(x: Tensor, heads: number): Tensor {
  requireTensors("headsTogether", x);
  requireWhole("headsTogether", "heads", heads, 1);
  const [b, t, d] = tokenShape("headsTogether", x);
  requireShape(b % heads === 0, () => `headsTogether: ${showShape(x.shape)} are no samples of ${heads} heads`);
  const n = b / heads;
  const graph = graphOf("headsTogether", x);
  return graph.record(swapKernel("headsTogether", [n, heads, t, d]), [x], {
    shapes: [[n, t, heads * d]],
    settings: { heads } satisfies HeadsSettings,
    gradient: ([dy]) =>
      graph.record(swapKernel("headsTogether.inputGrad", [n, t, heads, d]), [dy!], { shapes: [x.shape] }),
  })[0]!;
}

/**
 * Pixels x [N, H, W, C] cut into windows, row by row: padded with zeros at the right and the bottom to whole windows, then moved up and
 * left by `shift` around the border.
 * @returns [N · windows, window², C]
 * @throws ShapeError
 */
export function windowPartition(x: Tensor, windows: Windows): Tensor {
  requireTensors("windowPartition", x);
  requireKnown("windowPartition", windows, ["window", "shift"]);
  const graph = graphOf("windowPartition", x);
  return graph.record(windowPartitionKernel("windowPartition", x.shape, windows), [x], {
    settings: windows,
    gradient: ([dy]) => graph.record(windowReverseKernel("windowPartition.inputGrad", x.shape, windows), [dy!]),
  })[0]!;
}

/**
 * The inverse: windows [N · windows, window², C] -> [N, H, W, C] of the given shape; what lies in the padding is dropped.
 * @throws ShapeError
 */
export function windowReverse(x: Tensor, shape: readonly number[], windows: Windows): Tensor {
  requireTensors("windowReverse", x);
  requireKnown("windowReverse", windows, ["window", "shift"]);
  nhwc("windowReverse", shape);
  const graph = graphOf("windowReverse", x);
  return graph.record(windowReverseKernel("windowReverse", shape, windows), [x], {
    settings: windows,
    gradient: ([dy]) =>
      graph.record(windowPartitionKernel("windowReverse.inputGrad", shape, windows), [dy!], { shapes: [x.shape] }),
  })[0]!;
}

/**
 * Each square of four pixels as one: x [N, H, W, C] -> [N, H / 2, W / 2, 4 C], in the order (0, 0), (1, 0), (0, 1), (1, 1) of (row, column).
 * @throws ShapeError where a side is odd
 */
export function spaceToDepth(x: Tensor): Tensor {
  requireTensors("spaceToDepth", x);
  const graph = graphOf("spaceToDepth", x);
  return graph.record(spaceToDepthKernel("spaceToDepth", x.shape), [x], {
    gradient: ([dy]) => graph.record(spaceToDepthKernel("spaceToDepth.inputGrad", x.shape, true), [dy!]),
  })[0]!;
}
