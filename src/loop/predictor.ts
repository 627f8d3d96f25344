/** Inference of a network of one's own: `predictor(gpu, net, { input })`. */
import type { Gpu } from "../gpu/gpu.ts";
import { compile } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import type { NamedTensors } from "../graph/options.ts";
import { requireGpu } from "../graph/require-gpu.ts";
import { Tensor } from "../graph/tensor.ts";
import {
  aKind,
  kindOf,
  requireKnown,
  requireShape,
  requireWhole,
  showShape,
  type HostArray,
} from "../kernels/kernel.ts";
import { ONLY, predictedOf } from "./predicted.ts";
import { formOf, inputsOf, PlansByForm, requireShapes } from "./samples.ts";

/** What a network's forward pass gives: a tensor [N, ...], or several by name; lists of tensors are left out. */
export type ForwardOutputs = Tensor | object;

/** The values of N samples, one sample after another: of the output, or of each by name. */
export type Predicted<Outputs extends ForwardOutputs> = Outputs extends Tensor
  ? Float32Array
  : { [Name in keyof Outputs as Outputs[Name] extends Tensor ? Name : never]: Float32Array };

/** How samples are computed. */
export interface PredictorOptions {
  /** The shape of one sample, such as [28, 28, 1]: height, width, channels. */
  input: readonly number[];
  /** The most samples computed at once; more are computed in turns. Default 32. */
  batch?: number;
  /** Store weights and activations in half precision; requires an adapter with shader-f16 (`gpu.caps.f16`). Default false. */
  half?: boolean;
}

/** A module with a forward pass, or that pass itself. */
export type Forward<Outputs extends ForwardOutputs> = { forward(x: Tensor): Outputs } | ((x: Tensor) => Outputs);

const INPUT = "input";

/** A network that is ready to be asked; `predictor` makes one. */
class Predictor<Outputs extends ForwardOutputs> {
  readonly #shapes: { readonly [INPUT]: readonly number[] };
  readonly #batch: number;
  readonly #plans: PlansByForm<NamedTensors>;
  #destroyed = false;

  constructor(gpu: Gpu, net: Forward<Outputs>, options: PredictorOptions) {
    requireGpu("predictor", gpu);
    requireKnown("predictor", options, ["input", "batch", "half"]);
    const { input, batch = 32, half = false } = options;
    requireWhole("predictor", "batch", batch, 1);
    this.#shapes = { [INPUT]: input };
    requireShapes("predictor", this.#shapes);
    this.#batch = batch;
    const forward = forwardOf("predictor", net);
    this.#plans = new PlansByForm((form) => {
      const graph = new Graph();
      const x = inputsOf(graph, this.#shapes, form)[INPUT];
      const given = graph.scope("", () => forward(x));
      const outputs = outputsOf("predictor", given, form.count);
      return compile(gpu, graph, { outputs, frozen: true, half });
    });
  }

  /**
   * As in inference: normalised by running statistics, nothing dropped. Weights that were changed meanwhile count.
   * @param x [N, ...input] with any N: a Float32Array
   * @returns [N, ...] of each output
   * @throws TypeError if it is no such array
   */
  async predict(x: HostArray): Promise<Predicted<Outputs>> {
    if (this.#destroyed) throw new Error("the predictor was destroyed; make another one");
    const { count, types } = formOf("predict", this.#shapes, { [INPUT]: x });
    const own = x.slice();
    const size = x.length / count;
    const parts: Record<string, Float32Array>[] = [];
    for (let begin = 0; begin < count; begin += this.#batch) {
      const end = Math.min(count, begin + this.#batch);
      const part = own.subarray(begin * size, end * size);
      parts.push(await this.#plans.with({ count: end - begin, types }, (plan) => plan.run({ [INPUT]: part })));
    }
    const joined = Object.fromEntries(
      Object.keys(parts[0]!).map((name) => [
        name,
        parts.length === 1 ? parts[0]![name]! : join(parts.map((p) => p[name]!)),
      ]),
    );
    return predictedOf(joined) as Predicted<Outputs>;
  }

  /** Frees what was compiled; the network keeps its values. */
  destroy(): void {
    this.#destroyed = true;
    this.#plans.destroy();
  }

  /** As `destroy`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

export type { Predictor };

/**
 * Computes a network's outputs for any number of samples.
 * @param net a finished module with `forward(x)`, or a function such as `(x) => softmax(net.forward(x))`
 * @throws ShapeError for an invalid shape or batch; TypeError for what is no network
 */
export const predictor = <Outputs extends ForwardOutputs>(
  gpu: Gpu,
  net: Forward<Outputs>,
  options: PredictorOptions,
): Predictor<Outputs> => new Predictor(gpu, net, options);

/** @throws TypeError for what is no network */
export function forwardOf<Outputs extends ForwardOutputs>(op: string, net: Forward<Outputs>): (x: Tensor) => Outputs {
  if (typeof net === "function") return net;
  if (typeof (net as Partial<typeof net> | undefined)?.forward === "function") return (x) => net.forward(x);
  throw new TypeError(`${op}: expected a module with forward(x), or a function of x, got ${aKind(net)}`);
}

/**
 * The tensors that a forward pass gives; lists, such as features at several scales, and what is undefined are left out.
 * @throws TypeError, ShapeError for what is none, or has not a value for each of `count` samples
 */
export function outputsOf(op: string, given: ForwardOutputs, count: number): NamedTensors {
  if (given instanceof Tensor) {
    requireSamples(op, ONLY, given, count);
    return { [ONLY]: given };
  }
  if (kindOf(given) !== "Object") throw new TypeError(`${op}: the network gives ${aKind(given)}, not a tensor`);
  const outputs: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(given) as [string, unknown][]) {
    if (tensor === undefined || Array.isArray(tensor)) continue;
    requireSamples(op, name, tensor, count);
    outputs[name] = tensor;
  }
  requireShape(Object.keys(outputs).length > 0, () => `${op}: the network gives no tensor`);
  return outputs;
}

function requireSamples(op: string, name: string, tensor: unknown, count: number): asserts tensor is Tensor {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`${op}: the network gives ${aKind(tensor)} as ${name}, not a tensor`);
  }
  requireShape(
    tensor.shape[0] === count,
    () =>
      `${op}: the output${name && ` ${name}`} is ${showShape(tensor.shape)}, and does not begin with the ${count} samples`,
  );
}

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
