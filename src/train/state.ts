/** Checks of state dicts that come from files, before a model is built for them. */
import { showShape } from "../kernels/kernel.ts";
import { scaleChannels } from "../models/resnet.ts";
import { StateDictError, type StateDict } from "../nn/module.ts";

/**
 * Compares the channels of the classifier's first and last layer with a width. Whoever passes has so large a file that a
 * model of this width is in proportion to it; `loadStateDict` compares the rest.
 * @throws StateDictError
 */
export function requireWidth(state: StateDict, width: number): void {
  const c = scaleChannels(width);
  for (const [name, shape] of [
    ["classifier.conv1.weight", [c[0]!, 3, 7, 7]],
    ["classifier.layer4.2.conv2.weight", [c[4]!, c[4]!, 3, 3]],
  ] as const) {
    const given = state.get(name)?.shape;
    if (!given) throw new StateDictError(`${name} is missing`);
    if (showShape(given) !== showShape(shape)) {
      throw new StateDictError(`${name} is ${showShape(given)}, width ${width} has ${showShape(shape)}`);
    }
  }
}

/** Whether every value is finite. Sums of float32 cannot overflow a double, so one sum tells. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}
