/** Reads the cases of test/reference: one table for tests, gradient checks and benchmarks. Also runs in a browser. */
import { parseSafetensors } from "../../src/data/safetensors.ts";
import type { Comparison } from "../../src/models/parity.ts";

export interface OpCase {
  name: string;
  /** PyTorch shapes of the inputs. */
  in: Record<string, number[]>;
  params?: Record<string, unknown>;
}

/** The cases of each op, from the text of cases.json. */
export const parseTable = (json: string): Record<string, OpCase[]> =>
  (JSON.parse(json) as { ops: Record<string, OpCase[]> }).ops;

/** The networks in data/<name>.safetensors, those of each model. */
export const networks = [
  ...(["mganet-cbam", "mganet-every-block", "mganet-none", "mganet-parallel", "mganet-se", "mganet-small"] as const),
  ...(["resnet34-plain", "vgg16_bn-plain", "vgg16-plain", "inception_v3-plain", "resnext50_32x4d-2-groups"] as const),
  ...(["vit_b_16-plain", "swin_t-dropout"] as const),
];

export interface Values {
  shape: readonly number[];
  data: Float32Array | Int32Array;
}

export interface Reference {
  /** PyTorch's values for a case, by key without the case's name: in.x, dy.y, out.y, grad.x. */
  values(name: string): Map<string, Values>;
  /** The error of PyTorch itself when computing in float32. */
  float32Error(name: string, key: string): number;
}

/** The path of an op's reference data, relative to test/reference. */
export const dataFile = (op: string): string => `data/${op}.safetensors`;

/** Reads the reference data of an op. */
export function parseReference(bytes: Uint8Array, op: string): Reference {
  const { tensors, metadata } = parseSafetensors(bytes, dataFile(op));
  const errors = JSON.parse(metadata["float32_error"]!) as Record<string, number>;
  const float32Error = (name: string, key: string) => errors[`${name}.${key}`] ?? 0;
  const values = (name: string) => {
    const found = new Map<string, Values>();
    for (const [key, { shape, data }] of tensors) {
      if (key.startsWith(`${name}.`)) found.set(key.slice(name.length + 1), { shape, data: data as Float32Array });
    }
    return found;
  };
  return { values, float32Error };
}

/** The smallest normal f32. WGSL lets an adapter flush smaller values to zero, and SwiftShader does. */
const LEAST_NORMAL = 2 ** -126;
const flush = (value: number): number => (Math.abs(value) < LEAST_NORMAL ? 0 : value);

/** Relative L2 distance; infinite if a value is not finite. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (flush(actual[i]!) - flush(expected[i]!)) ** 2;
    norm += flush(expected[i]!) ** 2;
  }
  const error = norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : Infinity;
}

/** One line of a report. */
export const compareLine = ({ what, error, bar }: Comparison): string =>
  `${what}: relative error ${error.toExponential(1)}, bar ${bar.toExponential(0)}`;
