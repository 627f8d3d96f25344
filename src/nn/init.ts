/** Initial weights. */
import { requireWhole } from "../kernels/kernel.ts";
import { fanInUniform, heNormal, uniform, type Draw } from "./draws.ts";
import type { Parameter } from "./parameter.ts";
import { randomStream } from "./random.ts";

/** Says how a parameter's values are drawn; undefined: they stay what its layer gave them. */
export type InitialRule = (name: string, parameter: Parameter) => Draw | undefined;

/**
 * Initial values by a rule, for `finish`. A parameter's values depend on seed and name alone, not on what else there is, and are
 * drawn when they are needed: a full-width MGA-Net's take seconds, which weights from a file make unnecessary.
 * @throws ShapeError unless `seed` is a whole number of at least 0
 */
export function initialValuesBy(seed: number, rule: InitialRule) {
  requireWhole("initialValues", "seed", seed, 0);
  return (name: string, parameter: Parameter): (() => Float32Array) | undefined => {
    const draw = rule(name, parameter);
    return draw && (() => draw(parameter, randomStream(seed, name)));
  };
}

/** What `initialValues` draws. */
export const usualRule: InitialRule = (_, { layout, uniform: bound }) => {
  if (layout === "conv") return heNormal;
  if (layout !== "vector") return fanInUniform;
  return bound === undefined ? undefined : uniform(bound);
};

/**
 * Convolutions: normal with variance 2 / (KH KW out) (He et al. 2015, fan-out, as in torchvision's ResNet). Linear weights:
 * uniform within 1 / sqrt(in), as in PyTorch's Linear; so is the bias of `Conv2d`, also as in PyTorch. Other
 * vectors keep what their layer gave them: Linear's bias starts at 0.
 * @throws ShapeError unless `seed` is a whole number of at least 0
 */
export const initialValues = (seed: number) => initialValuesBy(seed, usualRule);
