/** Dropout as a layer. */
import { dropout } from "../autograd/dropout.ts";
import { graphOf, type Graph } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { requireKnown, requireNumber, requireShape, requireWhole } from "../kernels/kernel.ts";
import { Module } from "./module.ts";
import { hash } from "./random.ts";

/** Beside the share that is dropped. */
export interface DropoutOptions {
  /** Of the masks; default 0. */
  seed?: number;
}

/**
 * Drops values with probability p and divides the others by 1 - p, in graphs that train; elsewhere it is x.
 *
 * What is dropped depends on the number of the training step, which a run takes as the graph's input `step`, u32 [1], from 1: the layer declares
 * it where the graph has none. The same step, seed and path of the layer give the same mask, on any adapter; each use of a layer has its own.
 */
export class Dropout extends Module {
  readonly #p: number;
  readonly #seed: number;
  /** How often it was used in a graph. */
  readonly #uses = new WeakMap<Graph, number>();

  /** @throws ShapeError unless `p` is at least 0 and below 1 */
  constructor(p = 0.5, options: DropoutOptions = {}) {
    super();
    requireKnown("Dropout", options, ["seed"]);
    requireNumber("Dropout", "p", p, 0);
    requireShape(p < 1, () => `Dropout: p must be below 1, got ${p}`);
    const { seed = 0 } = options;
    requireWhole("Dropout", "seed", seed, 0);
    this.#p = p;
    this.#seed = seed;
  }

  /**
   * @param x [N, ...]
   * @param step the number of the training step, u32 [1]; default: the graph's input `step`
   * @throws ModuleError if it is not part of a finished module, whose paths tell masks apart
   */
  forward(x: Tensor, step?: Tensor): Tensor {
    requireTensors("Dropout", x, ...(step === undefined ? [] : [step]));
    const graph = graphOf("Dropout", x);
    const { path } = this;
    return this.scoped(x, () => {
      if (this.#p === 0 || !graph.follow("Dropout")) return x;
      const uses = this.#uses.get(graph) ?? 0;
      this.#uses.set(graph, uses + 1);
      const counter = step ?? graph.inputs.get("step") ?? graph.input("step", [1], "u32");
      const layer = hash(uses, path) >>> 0;
      return dropout(x, { p: this.#p, layer, seed: this.#seed, step: counter });
    });
  }
}
