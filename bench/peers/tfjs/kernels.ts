/** The kernels in tfjs, on either of its backends. */
import { tf } from "./library.ts";
import { ADAM_LR, type KernelCase } from "../../kernels/case.ts";
import type { Operands } from "../../kernels/data.ts";
import type { KernelImplementation, ParameterValue } from "../peer.ts";
import { Trainables } from "./adam.ts";
import { batchNorm, type BatchStatistics } from "./batchnorm.ts";
import { disposeConstants } from "./constants.ts";
import { Convolutions } from "./conv2d.ts";
import { mga } from "./mga.ts";
import { resizeMap, upsample2x } from "./resize.ts";

/** One of tfjs' backends. */
export interface Session {
  /** Makes it the present one. */
  use(): Promise<void>;
  /** Waits until it has done everything it was asked for. */
  idle(): Promise<void>;
}

type Tensors = Record<string, tf.Tensor>;

export async function createKernel(session: Session, c: KernelCase, operands: Operands): Promise<KernelImplementation> {
  await session.use();
  if (c.kind === "adam") return adamKernel(session, operands);
  const inputs: Tensors = {};
  for (const [name, { shape, data }] of operands) inputs[name] = tf.tensor(data, [...shape]);
  const convolutions = new Convolutions();
  if (c.kind === "conv2d") {
    const [a, b] = convOperands(c.pass, inputs);
    await convolutions.tunePass(c.pass, c, a, b, () => session.idle());
  }
  const compute = () => tf.tidy(() => computation(c, inputs, convolutions));
  return {
    async results() {
      await session.use();
      const outputs = compute();
      const results = new Map<string, Float32Array>();
      for (const [name, tensor] of Object.entries(outputs)) results.set(name, (await tensor.data()) as Float32Array);
      tf.dispose(outputs);
      return results;
    },
    async run(times) {
      await session.use();
      for (let i = 0; i < times; i++) tf.dispose(compute());
      await session.idle();
    },
    async destroy() {
      await session.use();
      tf.dispose(inputs);
      convolutions.dispose();
      disposeConstants();
    },
  };
}

function convOperands(pass: "forward" | "inputGrad" | "weightGrad", { x, weight, dy }: Tensors) {
  const pair = { forward: [x, weight], inputGrad: [dy, weight], weightGrad: [x, dy] }[pass];
  return pair as [tf.Tensor4D, tf.Tensor4D];
}

type Case = Exclude<KernelCase, { kind: "adam" }>;

function computation(c: Case, inputs: Tensors, convolutions: Convolutions): Tensors {
  switch (c.kind) {
    case "conv2d": {
      const [a, b] = convOperands(c.pass, inputs);
      const name = { forward: "y", inputGrad: "dx", weightGrad: "dweight" }[c.pass];
      return { [name]: convolutions.run(c.pass, c, a, b) };
    }
    case "batchNorm": {
      let y: tf.Tensor | undefined;
      let statistics: BatchStatistics | undefined;
      const options = { relu: true, report: (s: BatchStatistics) => (statistics = s) };
      const back = tf.grads((x, weight, bias) => {
        y = tf.keep(batchNorm(x as tf.Tensor4D, weight as tf.Tensor1D, bias as tf.Tensor1D, options));
        return y;
      });
      const [dx, dweight, dbias] = back([inputs["x"]!, inputs["weight"]!, inputs["bias"]!], inputs["dy"]);
      tf.dispose([statistics!.mean, statistics!.variance]);
      return { y: y!, dx: dx!, dweight: dweight!, dbias: dbias! };
    }
    case "resize": {
      const resize = (x: tf.Tensor4D): tf.Tensor4D => {
        const [n, h, w, channels] = c.shape;
        if (c.size[0] > h) return upsample2x(x);
        return resizeMap(x.reshape([n, h, w]), c.size).reshape([n, ...c.size, channels]);
      };
      if (c.pass === "forward") return { y: resize(inputs["x"] as tf.Tensor4D) };
      // Linear: its gradient is the same everywhere.
      const dx = tf.grad((x) => resize(x as tf.Tensor4D))(tf.zeros([...c.shape]), inputs["dy"]);
      return { dx };
    }
    case "mga": {
      const names = ["f", "mask", "weight1", "bias1", "weight2", "bias2"];
      let y: tf.Tensor | undefined;
      const back = tf.grads((f, mask, weight1, bias1, weight2, bias2) => {
        const layers = { weight1, bias1, weight2, bias2 } as Parameters<typeof mga>[2];
        y = tf.keep(mga(f as tf.Tensor4D, mask as tf.Tensor4D, layers));
        return y;
      });
      const all = back(
        names.map((name) => inputs[name]!),
        inputs["dy"],
      );
      return { y: y!, ...Object.fromEntries(names.map((name, i) => [`d${name}`, all[i]!])) };
    }
  }
}

function adamKernel(session: Session, operands: Operands): KernelImplementation {
  const parameters = new Map<string, ParameterValue>();
  for (const [name, operand] of operands)
    if (name.startsWith("p")) parameters.set(name, { ...operand, layout: "vector", trainable: true });
  const trainables = new Trainables(parameters);
  const gradients = trainables.names.map((name) => {
    const { shape, data } = operands.get(name.replace("p", "g"))!;
    return tf.tensor(data, [...shape]);
  });
  const update = () => tf.tidy(() => trainables.update(gradients, ADAM_LR));
  return {
    async results() {
      await session.use();
      update();
      const tensors = tf.tidy(() => trainables.tensors().map((t) => t.clone()));
      const values = await Promise.all(tensors.map((t) => t.data()));
      tf.dispose(tensors);
      return new Map(trainables.names.map((name, i) => [name, values[i] as Float32Array]));
    },
    async run(times) {
      await session.use();
      for (let i = 0; i < times; i++) update();
      await session.idle();
    },
    async destroy() {
      await session.use();
      tf.dispose(gradients);
      trainables.dispose();
      disposeConstants();
    },
  };
}
