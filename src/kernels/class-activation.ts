/** Class activation maps: the channels of features f [N, H, W, C] summed with per-sample weights a [N, C]. */
import { classActivation, classActivationFields, classActivationGrad } from "../../shaders/class_activation.wgsl.ts";
import { alongFirst, f32, nhwc, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

function sizeOf(op: string, f: readonly number[]) {
  const [n, h, w, c] = nhwc(op, f);
  const lanes = lanesOf(c);
  const values = { pixels: h * w, quads: c / lanes, samples: n };
  return { lanes, weights: f32(n, c), map: f32(n, h, w, 1), params: classActivationFields.map((name) => values[name]) };
}

/** y [N, H, W, 1] from f, a. */
export function classActivationKernel(f: readonly number[], relu: boolean): Kernel {
  const { lanes, weights, map, params } = sizeOf("classActivation", f);
  const parts = alongFirst(f, (part) => classActivationKernel(part, relu));
  const kernel = {
    name: "classActivation",
    inputs: [f32(...f), weights],
    outputs: [map],
    parts,
    traits: { cheap: true },
  };
  return perThread(
    kernel,
    map.shape.reduce((a, b) => a * b),
    ({ threads }) => classActivation(threads, lanes, relu),
    params,
  );
}

/** df from a, dy and, with ReLU, y; with ReLU also dy where y > 0. */
export function classActivationGradKernel(f: readonly number[], relu: boolean): Kernel {
  const { lanes, weights, map, params } = sizeOf("classActivation", f);
  const parts = alongFirst(f, (part) => classActivationGradKernel(part, relu));
  const inputs = relu ? [weights, map, map] : [weights, map];
  const outputs = relu ? [f32(...f), map] : [f32(...f)];
  const kernel = { name: "classActivation.grad", inputs, outputs, parts };
  return perThread(
    kernel,
    map.shape.reduce((a, b) => a * b),
    ({ threads }) => classActivationGrad(threads, lanes, relu),
    params,
  );
}
