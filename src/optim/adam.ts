/** The optimisers Adam and AdamW. */
import type { Variable } from "../graph/tensor.ts";
import type { Slab } from "../graph/storage.ts";
import { aKind, isList } from "../kernels/kernel.ts";
import { adamKernel, adamWKernel } from "../kernels/adam.ts";
import type { CommonOptions, Trained } from "./groups.ts";
import { Optimizer, requireNotNegative, requireRate, type Rule } from "./optimizer.ts";
import { slabsOf } from "./slabs.ts";

export { slabsOf };

/** As torch.optim.Adam's, which explains them. */
export interface AdamOptions {
  /** May be changed between steps. */
  lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Default 0 (AdamW: 0.01). */
  readonly weightDecay?: number;
}

/** Beside its fields, PyTorch's name for beta1 and beta2. */
export type GivenAdamOptions = Partial<AdamOptions> & { readonly betas?: readonly [number, number] };

/** PyTorch's defaults. */
export const adamDefaults: AdamOptions & { readonly weightDecay: number } = {
  lr: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
};

/** PyTorch's defaults. */
export const adamWDefaults: AdamOptions & { readonly weightDecay: number } = {
  ...adamDefaults,
  weightDecay: 0.01,
};

type Resolved = Required<AdamOptions>;

const adamRule: Rule<Resolved> = {
  name: "Adam",
  defaults: adamDefaults,
  aliases: ["betas"],
  read: (given, usual) => readOptions("Adam", given, usual),
  state: () => stateOf("adam"),
  hyper: ({ beta1, beta2 }, lr, step) => [lr / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)],
  kernel: adamKernel,
};

const adamWRule: Rule<Resolved> = {
  ...adamRule,
  name: "AdamW",
  defaults: adamWDefaults,
  read: (given, usual) => readOptions("AdamW", given, usual),
  state: () => stateOf("adamw"),
  hyper: (options, lr, step) => [...adamRule.hyper(options, lr, step), 1 - lr * options.weightDecay],
  kernel: adamWKernel,
};

const stateOf = (name: string) => [
  { key: "exp_avg", name: `${name}.m` },
  { key: "exp_avg_sq", name: `${name}.v` },
];

/** Adam, as `torch.optim.Adam`: weight decay is a part of the gradient. */
export class Adam extends Optimizer<Resolved> {
  /**
   * @param trained a module, of which all parameters are trained, or an array of parameters
   * @param options default: `adamDefaults`
   * @throws RangeError for invalid options, without parameters, or where groups overlap
   * @throws TypeError for anything else than parameters, or a parameter that is not registered with a finished module
   */
  constructor(trained: Trained, options: GivenAdamOptions & CommonOptions<GivenAdamOptions> = {}) {
    super(adamRule, trained, options);
  }

  /**
   * @throws RangeError if its parameters are not whole slabs, because another optimiser trains some together with others
   * @internal
   */
  get slabs(): readonly Slab[] {
    return this.kept.map(({ run: { slab, count } }) => {
      if (count === slab.variables.length) return slab;
      throw new RangeError(
        "Adam: its parameters are a part of another optimiser's slab: give a further optimiser parameters instead of slabs",
      );
    });
  }

  /**
   * First and second moments of each slab.
   * @internal
   */
  get moments(): readonly { readonly m: Variable; readonly v: Variable }[] {
    return this.kept.map(({ state: [m, v] }) => ({ m: m!.slab.flat, v: v!.slab.flat }));
  }
}

/** AdamW, as `torch.optim.AdamW`: weight decay takes lr weightDecay of each parameter, apart from its gradient. */
export class AdamW extends Optimizer<Resolved> {
  /** As `Adam`; default options: `adamWDefaults`. */
  constructor(trained: Trained, options: GivenAdamOptions & CommonOptions<GivenAdamOptions> = {}) {
    super(adamWRule, trained, options);
  }
}

function readOptions(name: string, given: GivenAdamOptions, usual: Resolved): Resolved {
  const { betas } = given;
  if (betas !== undefined) {
    if ("beta1" in given || "beta2" in given) {
      throw new RangeError(`${name}: betas are beta1 and beta2; give the one or the others`);
    }
    if (!isList(betas) || (betas as readonly number[]).length !== 2) {
      throw new RangeError(`${name}: betas must be an array of two numbers, got ${aKind(betas)}`);
    }
  }
  const [first = usual.beta1, second = usual.beta2] = betas ?? [];
  const { lr = usual.lr, beta1 = first, beta2 = second, eps = usual.eps, weightDecay = usual.weightDecay } = given;
  requireRate(name, lr);
  for (const [option, beta] of Object.entries({ beta1, beta2 })) {
    if (!(typeof beta === "number" && beta >= 0 && beta < 1)) {
      throw new RangeError(`${name}: ${option} must be at least 0 and less than 1, got ${beta}`);
    }
  }
  requireNotNegative(name, { eps, weightDecay });
  return { lr, beta1, beta2, eps, weightDecay };
}
