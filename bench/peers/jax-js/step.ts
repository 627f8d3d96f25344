/** The training step in jax-js: forward pass, gradients, Adam and running statistics in one jitted function. */
import { jit, numpy as np, tree, valueAndGrad, type JsTree } from "@jax-js/jax";
import type { Batch } from "../../../src/data/sample.ts";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import type { LossAndGradients, StepImplementation, StepSetup } from "../peer.ts";
import { adam, adamConstants, batchNorm, trainableConv } from "./layers.ts";
import {
  fromJax,
  kindOfLayout,
  reordered,
  submit,
  toJax,
  upload,
  useDevice,
  type HostArray,
  type JaxArray,
} from "./library.ts";
import type { BatchArrays, ConvBlock, Parameters } from "./network.ts";
import { jaxNetworks } from "./networks.ts";

/** The share of the batch's statistics in the new running ones; PyTorch's default. */
const MOMENTUM = 0.1;

/** What training changes. */
interface State {
  parameters: Parameters;
  m: Parameters;
  v: Parameters;
  running: Parameters;
}

type HostBatch = Record<keyof BatchArrays, HostArray>;

type Tree = JsTree<JaxArray>;

export class JaxStep implements StepImplementation {
  readonly #gpu: Gpu;
  readonly #setup: StepSetup;
  readonly #batch: HostBatch;
  readonly #pass: ((parameters: Tree, batch: Tree) => Tree) & { dispose(): void };
  readonly #step: ((state: Tree, batch: Tree, constants: JaxArray) => Tree) & { dispose(): void };
  #state: State;
  #steps = 0;

  private constructor(gpu: Gpu, setup: StepSetup) {
    this.#gpu = gpu;
    this.#setup = setup;
    this.#batch = hostBatch(setup.batch, setup.size);
    this.#state = initialState(setup);
    const pass = passOf(setup);
    this.#pass = jit((parameters: Tree, batch: Tree) => {
      const { loss, gradients } = pass(parameters as Parameters, batch as BatchArrays);
      return { loss, gradients };
    });
    this.#step = jit((state: Tree, batch: Tree, constants: JaxArray) =>
      update(state as unknown as State, pass((state as unknown as State).parameters, batch as BatchArrays), constants),
    );
  }

  static async create(gpu: Gpu, setup: StepSetup): Promise<JaxStep> {
    await useDevice(gpu);
    return new JaxStep(gpu, setup);
  }

  /** jit compiles with the first step. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  async lossAndGradients(batch: Batch): Promise<LossAndGradients> {
    const parameters = tree.ref(this.#state.parameters);
    const out = this.#pass(parameters, uploaded(hostBatch(batch, this.#setup.size))) as {
      loss: JaxArray;
      gradients: Parameters;
    };
    const [loss] = (await out.loss.data()) as Float32Array;
    const gradients = new Map<string, Float32Array>();
    for (const [name, { shape, layout, trainable }] of this.#setup.parameters) {
      if (trainable) gradients.set(name, await fromJax(out.gradients[name]!, shape, kindOfLayout(layout)));
    }
    this.#gpu.check();
    return { loss: loss!, gradients };
  }

  async step(): Promise<number> {
    this.#steps++;
    const constants = np.array(adamConstants(this.#setup.lr, this.#steps));
    const state = this.#state as unknown as Tree;
    const out = this.#step(state, uploaded(this.#batch), constants) as { loss: JaxArray; state: Tree };
    this.#state = out.state as unknown as State;
    await submit(out.loss.ref);
    const [loss] = (await this.#gpu.wait(out.loss.data())) as Float32Array;
    this.#gpu.check();
    return loss!;
  }

  async state(): Promise<Map<string, Float32Array>> {
    const { parameters, running } = this.#state;
    const state = new Map<string, Float32Array>();
    for (const [name, { shape, layout }] of this.#setup.parameters) {
      const array = (parameters[name] ?? running[name]!).ref;
      state.set(name, await fromJax(array, shape, kindOfLayout(layout)));
    }
    return state;
  }

  destroy(): void {
    tree.dispose(this.#state as unknown as Tree);
    this.#pass.dispose();
    this.#step.dispose();
  }
}

function hostBatch({ image, label, target }: Batch, [h, w]: readonly [number, number]): HostBatch {
  const n = label.length;
  const oneHot = Float32Array.from({ length: 2 * n }, (_, i) => (label[i >> 1] === i % 2 ? 1 : 0));
  return {
    image: reordered(image, [n, h, w, 3], "activation"),
    label: reordered(oneHot, [n, 2], "other"),
    target: reordered(target, [n, h, w, 1], "activation"),
  };
}

const uploaded = ({ image, label, target }: HostBatch): BatchArrays => {
  return { image: upload(image), label: upload(label), target: upload(target) };
};

function initialState({ parameters }: StepSetup): State {
  const state: State = { parameters: {}, m: {}, v: {}, running: {} };
  for (const [name, { shape, layout, data, trainable }] of parameters) {
    const kind = kindOfLayout(layout);
    (trainable ? state.parameters : state.running)[name] = toJax(data, shape, kind);
    if (!trainable) continue;
    state.m[name] = toJax(new Float32Array(data.length), shape, kind);
    state.v[name] = toJax(new Float32Array(data.length), shape, kind);
  }
  return state;
}

interface Pass {
  loss: JaxArray;
  gradients: Parameters;
  /** Mean and unbiased variance of the batch, by the names of the running ones. */
  statistics: Parameters;
}

function passOf({ network, options }: StepSetup) {
  const { forward, loss: lossOf } = jaxNetworks[network];
  return (parameters: Parameters, batch: BatchArrays): Pass => {
    const loss = (p: Tree): [JaxArray, Tree] => {
      const parameters = p as Parameters;
      const statistics: Parameters = {};
      const block: ConvBlock = (path, norm, x, { stride = 1, relu, residual }) => {
        const own = parameters[`${path}.bias`];
        const product = trainableConv(x, parameters[`${path}.weight`]!, stride);
        const z = own ? product.add(own.ref.reshape([1, own.size, 1, 1])) : product;
        const { y, mean, variance } = batchNorm(z, parameters[`${norm}.weight`]!, parameters[`${norm}.bias`]!, {
          relu,
          residual,
        });
        const count = z.size / z.shape[1]!;
        statistics[`${norm}.running_mean`] = mean;
        statistics[`${norm}.running_var`] = variance.mul(count / (count - 1));
        return y;
      };
      const output = forward(batch.image, parameters, options, { conv: trainableConv, block });
      return [lossOf(output, batch, options), statistics];
    };
    const [[value, statistics], gradients] = valueAndGrad(loss, { hasAux: true })(tree.ref(parameters));
    return {
      loss: value,
      gradients: gradients as unknown as Parameters,
      statistics: statistics as unknown as Parameters,
    };
  };
}

function update(
  { parameters, m, v, running }: State,
  { loss, gradients, statistics }: Pass,
  constants: JaxArray,
): Tree {
  const [rate, spread] = [constants.ref.slice(0), constants.ref.slice(1)];
  const next: State = { parameters: {}, m: {}, v: {}, running: {} };
  for (const [name, p] of Object.entries(parameters)) {
    const after = adam({ p, m: m[name]!, v: v[name]! }, gradients[name]!, rate, spread);
    next.parameters[name] = after.p;
    next.m[name] = after.m;
    next.v[name] = after.v;
  }
  for (const [name, old] of Object.entries(running)) {
    next.running[name] = old.ref.mul(1 - MOMENTUM).add(statistics[name]!.ref.mul(MOMENTUM));
  }
  return { loss, state: next as unknown as Tree };
}
