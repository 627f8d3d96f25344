/** Stochastic gradient descent. */
import { sgdKernel } from "../kernels/sgd.ts";
import type { CommonOptions, Trained } from "./groups.ts";
import { Optimizer, requireNotNegative, requireRate, type Rule } from "./optimizer.ts";

/** As torch.optim.SGD's, which explains them. */
export interface SGDOptions {
  /** May be changed between steps. */
  lr: number;
  readonly momentum: number;
  /** The share of the gradient that does not go into the momentum, but in the first step. */
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** PyTorch's defaults. */
export const sgdDefaults: SGDOptions = { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 };

const rule: Rule<SGDOptions> = {
  name: "SGD",
  defaults: sgdDefaults,
  read: readOptions,
  state: ({ momentum }) => (momentum === 0 ? [] : [{ key: "momentum_buffer", name: "sgd.momentum_buffer" }]),
  hyper: ({ dampening }, lr, step) => [lr, step === 1 ? 1 : 1 - dampening],
  kernel: sgdKernel,
};

/** Stochastic gradient descent with momentum, as `torch.optim.SGD`. */
export class SGD extends Optimizer<SGDOptions> {
  /**
   * @param trained a module, of which all parameters are trained, or an array of parameters
   * @param options default: `sgdDefaults`
   * @throws RangeError for invalid options, without parameters, or where groups overlap
   * @throws TypeError for anything else than parameters, or a parameter that is not registered with a finished module
   */
  constructor(trained: Trained, options: Partial<SGDOptions> & CommonOptions<Partial<SGDOptions>> = {}) {
    super(rule, trained, options);
  }
}

function readOptions(given: Partial<SGDOptions>, usual: SGDOptions): SGDOptions {
  const { lr = usual.lr, momentum = usual.momentum, dampening = usual.dampening } = given;
  const { nesterov = usual.nesterov, weightDecay = usual.weightDecay } = given;
  requireRate("SGD", lr);
  requireNotNegative("SGD", { momentum, weightDecay });
  if (!Number.isFinite(dampening)) throw new RangeError(`SGD: dampening must be a number, got ${dampening}`);
  if (typeof nesterov !== "boolean") throw new RangeError(`SGD: nesterov is true or false, got ${String(nesterov)}`);
  if (nesterov && !(momentum > 0 && dampening === 0)) {
    throw new RangeError("SGD: nesterov needs a momentum above 0 and a dampening of 0");
  }
  return { lr, momentum, dampening, nesterov, weightDecay };
}
