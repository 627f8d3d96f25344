/** What a run is told when the values of an input cannot be what a loss takes them for. */
import type { Tensor } from "../graph/tensor.ts";

/** Classes below `classes`. */
export function checkClasses(op: string, label: Tensor, classes: number): void {
  label.checks.push((values) => {
    const i = values.findIndex((value) => value >= classes);
    return i < 0 ? undefined : `value ${i} is ${values[i]!}, and ${op} has classes 0 to ${classes - 1} only`;
  });
}

/** Shares in [0, 1]; NaN passes, as it does elsewhere. */
export function checkShares(op: string, target: Tensor): void {
  target.checks.push((values) => {
    let i = 0;
    while (i < values.length && !(values[i]! < 0 || values[i]! > 1)) i++;
    return i === values.length ? undefined : `value ${i} is ${values[i]!}, and ${op} takes values in [0, 1]`;
  });
}
