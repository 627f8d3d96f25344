/** Batch norm in inference is a linear function of each channel: it can be folded into the convolution before it. */
import type { ParameterValue, ParameterValues } from "./peer.ts";

const EPS = 1e-5;

export interface Folded {
  /** [K, K, Ci, Co]. */
  readonly shape: readonly [number, number, number, number];
  readonly weight: Float32Array;
  /** [Co]. */
  readonly bias: Float32Array;
}

export interface FoldedNetwork {
  /** All convolutions by path, each with its own bias and the batch norm that is defined right after it. */
  readonly convolutions: ReadonlyMap<string, Folded>;
  /** What is part of neither: linear layers, for example. */
  readonly others: ParameterValues;
}

export function foldAll(parameters: ParameterValues): FoldedNetwork {
  const convolutions = new Map<string, Folded>();
  const others = new Map<string, ParameterValue>(parameters);
  const names = [...parameters.keys()];
  for (const [i, name] of names.entries()) {
    if (parameters.get(name)!.layout !== "conv") continue;
    const path = name.replace(/\.weight$/, "");
    const next = names[i + 1] === `${path}.bias` ? names[i + 2] : names[i + 1];
    const norm = next?.replace(/\.weight$/, "");
    const normed = parameters.has(`${norm}.running_mean`) ? norm : undefined;
    convolutions.set(path, fold(parameters, path, normed));
    const parts = normed ? ["weight", "bias", "running_mean", "running_var"].map((part) => `${normed}.${part}`) : [];
    for (const used of [name, `${path}.bias`, ...parts]) others.delete(used);
  }
  return { convolutions, others };
}

function fold(parameters: ParameterValues, path: string, norm: string | undefined): Folded {
  const { shape, data } = parameters.get(`${path}.weight`)!;
  const co = shape[3]!;
  const own = parameters.get(`${path}.bias`)?.data ?? new Float32Array(co);
  if (!norm) return { shape: shape as Folded["shape"], weight: data, bias: own };
  const of = (name: string) => parameters.get(`${norm}.${name}`)!.data;
  const scale = of("weight").map((w, i) => w / Math.sqrt(of("running_var")[i]! + EPS));
  const bias = of("bias").map((b, i) => b + (own[i]! - of("running_mean")[i]!) * scale[i]!);
  return { shape: shape as Folded["shape"], weight: data.map((value, i) => value * scale[i % co]!), bias };
}
