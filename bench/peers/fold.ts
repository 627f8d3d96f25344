/** Batch norm in inference is a linear function of each channel: it can be folded into the convolution before it. */
import type { ParameterValues } from "./peer.ts";

const EPS = 1e-5;

export interface Folded {
  /** [K, K, Ci, Co]. */
  readonly shape: readonly [number, number, number, number];
  readonly weight: Float32Array;
  /** [Co]. */
  readonly bias: Float32Array;
}

/** All convolutions by path, each with the batch norm that follows it, or else with its own bias. */
export function foldAll(parameters: ParameterValues): Map<string, Folded> {
  const folded = new Map<string, Folded>();
  for (const [name, { shape }] of parameters) {
    const path = name.replace(/\.weight$/, "");
    if (name !== path && shape.length === 4) folded.set(path, fold(parameters, path));
  }
  return folded;
}

/** What is not part of a convolution or batch norm: the linear layers, by name. */
export const linearOf = (parameters: ParameterValues) => [...parameters].filter(([name]) => /^(mga|fc)\b/.test(name));

function fold(parameters: ParameterValues, path: string): Folded {
  const { shape, data } = parameters.get(`${path}.weight`)!;
  const co = shape[3]!;
  const norm = path.replace(/conv(\d)$/, "bn$1").replace(/downsample\.0$/, "downsample.1");
  const of = (name: string) => parameters.get(`${norm}.${name}`)!.data;
  const own = parameters.get(`${path}.bias`)?.data;
  const scale = own
    ? new Float32Array(co).fill(1)
    : of("weight").map((w, i) => w / Math.sqrt(of("running_var")[i]! + EPS));
  const bias = own ?? of("bias").map((b, i) => b - of("running_mean")[i]! * scale[i]!);
  return { shape: shape as Folded["shape"], weight: data.map((value, i) => value * scale[i % co]!), bias };
}
