/** The ops that make up Mask-Guided Attention. Features f [N, H, W, C], maps m [N, H, W, 1]. */
import { nhwc, requireNumber, requireShape, sameShape, showShape } from "../kernels/kernel.ts";
import { mgaGradKernel, mgaKernel, usesChannels, type Fusion } from "../kernels/mga.ts";
import { minMaxGradKernel, minMaxKernel } from "../kernels/minmax.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

export type { Fusion };

/** The ways in which a map can enhance features. */
export const attentions: readonly Fusion[] = ["parallel", "serial", "spatial", "channel"];

export interface MinMaxSettings {
  readonly eps: number;
}

export interface MgaSettings {
  readonly fusion: Fusion;
}

/** Each sample of x [N, ...] mapped to (x - min) / (max - min + eps); the gradient flows through min and max, ties share. */
export function minMaxNormalize(x: Tensor, eps = 1e-6): Tensor {
  requireTensors("minMaxNormalize", x);
  requireNumber("minMaxNormalize", "eps", eps, 0);
  const graph = graphOf("minMaxNormalize", x);
  const outputs = graph.record(minMaxKernel(x.shape, eps), [x], {
    settings: { eps } satisfies MinMaxSettings,
    gradient: ([dy]) => graph.record(minMaxGradKernel(x.shape, eps), [x, dy!, outputs[0]!, outputs[1]!]),
  });
  return outputs[0]!;
}

/** The linear layers that the channel weights come from: weight1 [C, R], bias1 [R], weight2 [R, C], bias2 [C]. */
export interface Gate {
  readonly weight1: Tensor;
  readonly bias1: Tensor;
  readonly weight2: Tensor;
  readonly bias2: Tensor;
}

/**
 * The enhanced features: with a = sigmoid(fc2(relu(fc1(mean of f m over the pixels)))), parallel f (1 + m + a), serial f (1 + m a),
 * channel f (1 + a); spatial f (1 + m), which has no gate.
 * @throws ShapeError
 */
export function maskGuidedAttention(f: Tensor, m: Tensor, gate: Gate | undefined, fusion: Fusion): Tensor {
  requireTensors("mga", f, m);
  nhwc("mga", f.shape);
  requireShape(attentions.includes(fusion), () => `mga: unknown fusion ${fusion}`);
  requireShape(
    sameShape(m.shape, [...f.shape.slice(0, 3), 1]),
    () => `mga: a map ${showShape(m.shape)} does not match features ${showShape(f.shape)}`,
  );
  requireShape(usesChannels(fusion) === (gate !== undefined), () =>
    gate ? `mga: ${fusion} fusion has no gate` : `mga: ${fusion} fusion needs a gate`,
  );
  const graph = graphOf("mga", f, m);
  const [c, r] = [f.shape[3]!, gate?.bias1.size ?? 0];
  const layers = gate ? [gate.weight1, gate.bias1, gate.weight2, gate.bias2] : [];
  const wanted = [[c, r], [r], [r, c], [c]];
  requireShape(
    layers.every(({ shape }, i) => sameShape(shape, wanted[i]!)),
    () =>
      `mga: a gate of ${layers.map((t) => showShape(t.shape)).join(", ")} does not match features ${showShape(f.shape)}`,
  );
  const outputs = graph.record(mgaKernel(f.shape, r, fusion), [f, m, ...layers], {
    settings: { fusion } satisfies MgaSettings,
    gradient([dy]) {
      const saved = gate ? [...outputs.slice(1), gate.weight1, gate.weight2] : [];
      return graph.record(mgaGradKernel(f.shape, r, fusion), [f, m, dy!, ...saved]);
    },
  });
  return outputs[0]!;
}
