/** Initial values by rules of models, each parameter from a stream of its own name. */
import type { Parameter } from "../../nn/module.ts";
import { randomStream } from "../../nn/random.ts";

/** Draws one value. */
export type Draw = (random: ReturnType<typeof randomStream>) => number;

export const normal =
  (deviation: number): Draw =>
  (random) =>
    deviation * random.normal();

/** Within `bound` of 0. */
export const uniform =
  (bound: number): Draw =>
  (random) =>
    bound * (2 * random.uniform() - 1);

/** Xavier's uniform distribution of a matrix [in, out] (Glorot & Bengio 2010). */
export const xavier = ({ shape: [fanIn, fanOut] }: Parameter): Draw => uniform(Math.sqrt(6 / (fanIn! + fanOut!)));

/** PyTorch's linear layer and convolution: within 1 / √(inputs of an output). */
export const lecun = (inputs: number): Draw => uniform(1 / Math.sqrt(inputs));

/** He's normal distribution by fan-out, as in torchvision: KH KW out, whatever the groups. */
export const he = ({ shape }: Parameter): Draw => normal(Math.sqrt(2 / (shape[0]! * shape[1]! * shape[3]!)));

/** For `Module.finish`: a rule that says how a parameter is drawn, undefined for what keeps its layer's own values. */
export const drawn =
  (seed: number, rule: (name: string, parameter: Parameter) => Draw | undefined) =>
  (name: string, parameter: Parameter): Float32Array | undefined => {
    const draw = rule(name, parameter);
    if (!draw) return undefined;
    const random = randomStream(seed, name);
    return Float32Array.from({ length: parameter.size }, () => draw(random));
  };
