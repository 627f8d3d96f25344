/** Checks that the inputs of a loss hold values that it can take. */
import type { Tensor } from "../graph/tensor.ts";

/** Requires classes below `classes`. */
export function checkClasses(op: string, label: Tensor, classes: number): void {
  label.checks.push((values) => {
    const i = values.findIndex((value) => value >= classes);
    return i < 0 ? undefined : `value ${i} is ${values[i]!}; ${op} takes classes 0 to ${classes - 1}`;
  });
}

/** Requires shares in [0, 1]; NaN passes, as it does elsewhere. */
export function checkShares(op: string, target: Tensor): void {
  target.checks.push((values) => {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if ((value >= 0 && value <= 1) || Number.isNaN(value)) continue;
      return `value ${i} is ${value}; ${op} takes values in [0, 1]`;
    }
    return undefined;
  });
}
