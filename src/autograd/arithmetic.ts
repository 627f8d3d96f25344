/** Sums, differences, products and quotients of tensors and numbers, with PyTorch's broadcasting. */
import { graphOf } from "../graph/graph.ts";
import { Tensor, viewOf } from "../graph/tensor.ts";
import { aKind, requireNumber, sameShape, ShapeError } from "../kernels/kernel.ts";
import { broadcastShape, broadcastTo, stridedKernel } from "../kernels/strided.ts";
import { apply, literal, scale, type NumberSettings } from "./elementwise.ts";
import { requireNoMore } from "./given.ts";
import { mulChannels, mulMap, mulSamples } from "./gating.ts";
import { sumTo } from "./shape.ts";

/**
 * A tensor or a number. Shapes are compared from the last axis on, where sizes have to be equal or 1: a bias of channels is [C], factors of
 * samples are [N, 1, 1, 1].
 */
export type Operand = Tensor | number;

/** What one of the gradients is computed from, called a, b, ... in this order, and how. */
type Rule = readonly [operands: readonly ("dy" | "a" | "b")[], expression: string];

/** y = expression over a and b; a rule of "a" over dy alone is dy itself. */
function broadcast(op: string, a: Tensor, b: Tensor, expression: string, rules: readonly [Rule, Rule]): Tensor {
  const shape = broadcastShape(op, a.shape, b.shape);
  const graph = graphOf(op, a, b);
  /** An expression over tensors of which one has the whole shape. */
  const combine = (name: string, operands: readonly Tensor[], text: string): Tensor => {
    if (operands.every((operand) => sameShape(operand.shape, shape))) return apply(name, operands, text);
    const read = operands.map((operand) => broadcastTo(operand.shape, shape));
    return graph.record(stridedKernel(name, shape, read, text), operands)[0]!;
  };
  const gradient = (of: Tensor, dy: Tensor, [names, text]: Rule): Tensor => {
    const operands = names.map((name) => ({ dy, a, b })[name]);
    if (!sameShape(of.shape, shape)) return sumTo(`${op}.grad`, of.shape, operands, text);
    return text === "a" ? dy : combine(`${op}.grad`, operands, text);
  };
  const gradients = (dy: Tensor, [wantsA, wantsB]: readonly boolean[]) => [
    wantsA ? gradient(a, dy, rules[0]) : undefined,
    wantsB ? gradient(b, dy, rules[1]) : undefined,
  ];
  if (sameShape(a.shape, b.shape)) return apply(op, [a, b], expression, (dy, _, wanted) => gradients(dy, wanted));
  const read = [a, b].map((operand) => broadcastTo(operand.shape, shape));
  return graph.record(stridedKernel(op, shape, read, expression), [a, b], {
    gradient: ([dy], wanted) => gradients(dy!, wanted),
  })[0]!;
}

/** y = expression over a tensor, called a, and a number. */
const withNumber = (
  op: string,
  x: Tensor,
  expression: string,
  settings: NumberSettings,
  gradient: (dy: Tensor) => Tensor,
) => apply(op, [x], expression, (dy) => [gradient(dy)], "", settings);

/** An op on two operands of which at least one is a tensor. */
function arithmetic(
  op: string,
  a: Operand,
  b: Operand,
  of: {
    tensors: (a: Tensor, b: Tensor) => Tensor;
    left: (number: number, b: Tensor) => Tensor;
    right: (a: Tensor, number: number) => Tensor;
  },
): Tensor {
  for (const operand of [a, b]) if (typeof operand === "number") requireNumber(op, "an operand", operand);
  if (typeof a === "number" && b instanceof Tensor) return of.left(a, b);
  if (typeof b === "number" && a instanceof Tensor) return of.right(a, b);
  if (typeof a === "number" && typeof b === "number") throw new ShapeError(`${op}: expected a tensor, got two numbers`);
  for (const [i, operand] of [a, b].entries()) {
    if (typeof operand === "number" || operand instanceof Tensor) continue;
    throw new TypeError(`${op}: operand ${i + 1} of 2 is ${aKind(operand)}, not a tensor or a number`);
  }
  return of.tensors(a as Tensor, b as Tensor);
}

const dyOnly: Rule = [["dy"], "a"];
const minusDy: Rule = [["dy"], "-a"];

/** a + b. @throws ShapeError for shapes that cannot be broadcast */
export function add(a: Operand, b: Operand): Tensor;
export function add(a: Operand, b: Operand, ...more: unknown[]): Tensor {
  requireNoMore("add", more);
  return arithmetic("add", a, b, {
    tensors: (a, b) => broadcast("add", a, b, "a + b", [dyOnly, dyOnly]),
    left: (left, b) => withNumber("add", b, `${literal(left)} + a`, { left }, (dy) => dy),
    right: (a, right) => withNumber("add", a, `a + ${literal(right)}`, { right }, (dy) => dy),
  });
}

/** a - b. @throws ShapeError for shapes that cannot be broadcast */
export function sub(a: Operand, b: Operand): Tensor;
export function sub(a: Operand, b: Operand, ...more: unknown[]): Tensor {
  requireNoMore("sub", more);
  return arithmetic("sub", a, b, {
    tensors: (a, b) => broadcast("sub", a, b, "a - b", [dyOnly, minusDy]),
    left: (left, b) => withNumber("sub", b, `${literal(left)} - a`, { left }, (dy) => apply("sub.grad", [dy], "-a")),
    right: (a, right) => withNumber("sub", a, `a - ${literal(right)}`, { right }, (dy) => dy),
  });
}

/** a · b. @throws ShapeError for shapes that cannot be broadcast */
export function mul(a: Operand, b: Operand): Tensor;
export function mul(a: Operand, b: Operand, ...more: unknown[]): Tensor {
  requireNoMore("mul", more);
  return arithmetic("mul", a, b, {
    tensors: (a, b) => factors(a, b) ?? factors(b, a) ?? broadcast("mul", a, b, "a * b", [[["dy", "b"], "a * b"], [["dy", "a"], "a * b"]]), // prettier-ignore
    left: (number, b) => scale(b, number),
    right: scale,
  });
}

/** x times factors of samples, pixels or channels, for which there are kernels of their own; undefined for others. */
function factors(x: Tensor, s: Tensor): Tensor | undefined {
  const [n, h, w, c] = x.shape;
  if (x.shape.length !== 4 || s.shape.length !== 4 || sameShape(x.shape, s.shape)) return undefined;
  if (sameShape(s.shape, [n!, 1, 1, 1])) return mulSamples(x, viewOf(s, [n!]));
  if (sameShape(s.shape, [n!, h!, w!, 1])) return mulMap(x, s);
  if (sameShape(s.shape, [n!, 1, 1, c!])) return mulChannels(x, viewOf(s, [n!, c!]));
  return undefined;
}

/** a / b. @throws ShapeError for shapes that cannot be broadcast */
export function div(a: Operand, b: Operand): Tensor;
export function div(a: Operand, b: Operand, ...more: unknown[]): Tensor {
  requireNoMore("div", more);
  return arithmetic("div", a, b, {
    tensors: (a, b) =>
      broadcast("div", a, b, "a / b", [[["dy", "b"], "a / b"], [["dy", "a", "b"], "-a * b / (c * c)"]]), // prettier-ignore
    left: (left, b) =>
      withNumber("div", b, `${literal(left)} / a`, { left }, (dy) =>
        apply("div.grad", [dy, b], `-a * ${literal(left)} / (b * b)`),
      ),
    right: (a, right) =>
      withNumber("div", a, `a / ${literal(right)}`, { right }, (dy) =>
        apply("div.grad", [dy], `a / ${literal(right)}`),
      ),
  });
}
