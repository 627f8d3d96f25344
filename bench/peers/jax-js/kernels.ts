/** The kernels in jax-js, each jitted by itself. */
import { jit, numpy as np, tree, vjp, type JsTree } from "@jax-js/jax";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { ADAM_LR, type ConvCase, type KernelCase } from "../../kernels/case.ts";
import type { Operands } from "../../kernels/data.ts";
import type { KernelImplementation } from "../peer.ts";
import {
  adam,
  adamConstants,
  batchNorm,
  conv,
  mga,
  shrinkMap,
  trainableConv,
  upsample2x,
  type AdamState,
} from "./layers.ts";
import { fromJax, kindOf, submit, toJax, useDevice, type JaxArray } from "./library.ts";

type Arrays = Record<string, JaxArray>;
type Shapes = Record<string, readonly number[]>;

export async function createKernel(gpu: Gpu, c: KernelCase, operands: Operands): Promise<KernelImplementation> {
  await useDevice(gpu);
  const rank4 = (name: string) => (name === "weight" || name === "dweight" ? "weight" : "activation");
  const inputs: Arrays = {};
  const shapes: Shapes = {};
  for (const [name, { shape, data }] of operands) {
    const weight = c.kind === "adam" ? "other" : rank4(name);
    inputs[name] = toJax(data, shape, kindOf(shape, weight));
    shapes[c.kind === "adam" ? name : `d${name}`] = shape;
  }
  if (c.kind === "adam") return adamKernel(gpu, inputs, shapes);
  const run = jit(computation(c)) as ((inputs: Arrays) => Arrays) & { dispose(): void };
  return {
    async results() {
      const results = new Map<string, Float32Array>();
      for (const [name, array] of Object.entries(run(tree.ref(inputs)))) {
        const shape = shapes[name] ?? outputShape(c, name);
        results.set(name, await fromJax(array, shape, kindOf(shape, rank4(name))));
      }
      return results;
    },
    async run(times) {
      for (let i = 0; i < times; i++) await submit(run(tree.ref(inputs)));
      await gpu.idle();
    },
    destroy() {
      run.dispose();
      tree.dispose(inputs);
    },
  };
}

/** In our layout. */
function outputShape(c: KernelCase, name: string): readonly number[] {
  if (c.kind === "conv2d") {
    if (name === "y") return [c.n, c.oh, c.ow, c.co];
    return name === "dx" ? [c.n, c.h, c.w, c.ci] : [c.kernel, c.kernel, c.ci, c.co];
  }
  if (c.kind === "resize") return name === "dx" ? c.shape : [c.shape[0], ...c.size, c.shape[3]];
  return (c as { shape: readonly number[] }).shape;
}

function computation(c: Exclude<KernelCase, { kind: "adam" }>): (inputs: Arrays) => Arrays {
  switch (c.kind) {
    case "conv2d":
      return convolution(c);
    case "batchNorm":
      return ({ dy, ...primals }) => {
        const [y, back] = pull(({ x, weight, bias }) => batchNorm(x!, weight!, bias!, { relu: true }).y, primals);
        return { y, ...back(dy!) };
      };
    case "resize": {
      const [, h] = c.shape;
      const resize = (x: JaxArray) => (c.size[0] > h ? upsample2x(x) : shrinkMap(x, c.size));
      if (c.pass === "forward") return ({ x }) => ({ y: resize(x!) });
      const shape = [c.shape[0], c.shape[3], c.shape[1], c.shape[2]];
      return ({ dy }) => pull(({ x }) => resize(x!), { x: np.zeros(shape) })[1](dy!);
    }
    case "mga":
      return ({ dy, ...primals }) => {
        const apply = ({ f, mask, ...layers }: Arrays) => mga(f!, mask!, layers as never);
        const [y, back] = pull(apply, primals);
        return { y, ...back(dy!) };
      };
  }
}

function convolution({ pass, stride, ...s }: ConvCase): (inputs: Arrays) => Arrays {
  switch (pass) {
    case "forward":
      return ({ x, weight }) => ({ y: conv(x!, weight!, stride) });
    case "inputGrad":
      return ({ weight, dy }) => {
        const zeros = { x: np.zeros([s.n, s.ci, s.h, s.w]) };
        return pull(({ x }) => conv(x!, weight!, stride), zeros)[1](dy!);
      };
    case "weightGrad":
      return ({ x, dy }) => {
        const zeros = { weight: np.zeros([s.co, s.ci, s.kernel, s.kernel]) };
        return pull(({ weight }) => trainableConv(x!, weight!, stride), zeros)[1](dy!);
      };
  }
}

/** f at the primals, and from a gradient by its value to those by the primals, each called d and its name. */
function pull(f: (primals: Arrays) => JaxArray, primals: Arrays): [JaxArray, (dy: JaxArray) => Arrays] {
  const [y, back] = vjp(f as (x: JsTree<JaxArray>) => JaxArray, [tree.ref(primals)]);
  return [
    y,
    (dy) => {
      const [gradients] = back(dy.ref) as unknown as [Arrays];
      return Object.fromEntries(Object.entries(gradients).map(([name, g]) => [`d${name}`, g]));
    },
  ];
}

/** All parameters in one call; the state goes in and comes out. */
function adamKernel(gpu: Gpu, inputs: Arrays, shapes: Shapes): KernelImplementation {
  const names = Object.keys(inputs).filter((name) => name.startsWith("p"));
  const gradients = names.map((name) => inputs[name.replace("p", "g")]!);
  let states = names.map((name): Arrays => {
    const zeros = () => np.zeros([...shapes[name]!]);
    return { p: inputs[name]!, m: zeros(), v: zeros() };
  });
  const constants = np.array(adamConstants(ADAM_LR, 1));
  const step = jit((states: Arrays[], gradients: JaxArray[], constants: JaxArray) => {
    const [rate, spread] = [constants.ref.slice(0), constants.ref.slice(1)];
    return states.map((state, i): Arrays => adam(state as unknown as AdamState, gradients[i]!, rate, spread));
  });
  const advance = () => {
    states = step(states, tree.ref(gradients), constants.ref);
  };
  return {
    async results() {
      advance();
      const results = new Map<string, Float32Array>();
      for (const [i, name] of names.entries()) results.set(name, (await states[i]!["p"]!.ref.data()) as Float32Array);
      return results;
    },
    async run(times) {
      for (let i = 0; i < times; i++) {
        advance();
        await submit(states[0]!["p"]!.ref);
      }
      await gpu.idle();
    },
    destroy() {
      step.dispose();
      tree.dispose([states, gradients, constants]);
    },
  };
}
