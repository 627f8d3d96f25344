/** An op of one's own: sign(x) max(|x| - t, 0) with a learned threshold t for each channel, in WGSL, with its gradient. */
import { sum, type Tensor } from "mganet-webgpu";
import { Module, Parameter } from "mganet-webgpu/nn";
import { defineOp } from "mganet-webgpu/ops";

const channels = (c: number) => ({ c });

/** From dy, x [N, C] and t [C]: dx, and the part of each element in dt, both [N, C]. */
const softThresholdGrad = defineOp({
  name: "softThreshold.grad",
  inputs: { dy: "f32", x: "f32", t: "f32" },
  outputs: { dx: (_, x) => x, dt: (_, x) => x },
  uniform: (_dy, _x, t) => channels(t[0]!),
  wgsl: `
    let passed = select(0.0, dy[i], abs(x[i]) > t[i % p.c]);
    dx[i] = passed;
    dt[i] = -sign(x[i]) * passed;`,
});

/** x [N, C] and t [C] to [N, C]. */
export const softThreshold = defineOp({
  name: "softThreshold",
  inputs: { x: "f32", t: "f32" },
  outputs: { y: (x) => x },
  uniform: (_x, t) => channels(t[0]!),
  check: (x, t) =>
    x.length === 2 && t.length === 1 && x[1] === t[0] ? undefined : "expected x [N, C] and thresholds [C]",
  wgsl: "y[i] = sign(x[i]) * max(abs(x[i]) - t[i % p.c], 0.0);",
  gradient([dy], [x, t]) {
    const [dx, dt] = softThresholdGrad.all(dy!, x!, t!);
    return [dx, sum(dt!, 0)];
  },
});

/** The same in float64, for `checkOp`. */
export const reference = (x: Float64Array, t: Float64Array): Float64Array =>
  x.map((value, i) => Math.sign(value) * Math.max(Math.abs(value) - t[i % t.length]!, 0));

/** A layer of it. */
export class SoftThreshold extends Module {
  readonly threshold: Parameter;

  constructor(size: number) {
    super();
    this.threshold = new Parameter([size], "vector", { fill: 0.1 });
  }

  forward(x: Tensor): Tensor {
    return this.scoped(x, () => softThreshold(x, this.threshold));
  }
}
