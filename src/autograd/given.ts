/** Checks what ops are given: arguments that they do not have, and values that a loss cannot take. */
import type { Tensor } from "../graph/tensor.ts";
import { aKind, isList, requireShape } from "../kernels/kernel.ts";

/**
 * Refuses arguments behind the last: what PyTorch's op of that name would do with them is not done. The index and array that `map` and
 * `reduce` hand over pass.
 * @param advice what to do
 * @throws ShapeError
 */
export function requireNoMore(op: string, more: readonly unknown[], advice = ""): void {
  requireShape(
    more.length === 0 || isList(more.at(-1)),
    () => `${op}: has no further argument, got ${aKind(more[0])}${advice}`,
  );
}

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
