/** Tests of ops: values against a reference in float64, gradients against central differences. */
import type { Gpu } from "../gpu/gpu.ts";
import { compile, type NamedTensors } from "../graph/compile.ts";
import { Graph } from "../graph/graph.ts";
import { requireGpu } from "../graph/require-gpu.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  aKind,
  isList,
  requireKnown,
  requireShape,
  requireSizes,
  showShape,
  sizeOf,
  type HostArray,
} from "../kernels/kernel.ts";
import type { DefinedOp } from "./define-op.ts";
import { mul, scale, sum } from "./elementwise.ts";
import { gradientsWhereUsed } from "./gradients.ts";

/** The least and the greatest that the values of an operand may be. */
export type ValueRange = readonly [least: number, greatest: number];

/**
 * An operand: a shape, which is filled with values; one with the range of its values; or values with their shape, of which those of u32 are
 * constants without a gradient.
 */
export type CheckedInput =
  | readonly number[]
  | { readonly shape: readonly number[]; readonly range: ValueRange }
  | { readonly shape: readonly number[]; readonly values: HostArray };

/** y in float64 from the operands' values, in the order of memory. */
export type OpReference = (...operands: Float64Array[]) => ArrayLike<number>;

/** What an op is compared with, and how exactly it has to agree. */
export interface GradcheckOptions {
  /**
   * What the function computes. With it, values are compared with the reference's, and gradients with its central differences; without it,
   * gradients with the function's own differences in float32, which finds coarse errors only.
   */
  reference?: OpReference;
  /**
   * Where the values of operands lie that are filled, if they have no range of their own: none closer to its ends than a twentieth of it, as in
   * [0, 4] for a logarithm. Default [-1, 1], without what is closer to 0 than 0.05.
   */
  range?: ValueRange;
  /** Relative L2 error that values may have; default 1e-5. */
  tolerance?: number;
  /** The same of gradients; default 5e-5, and 0.02 without a reference. */
  gradientTolerance?: number;
}

/** One comparison: what was compared, and its relative L2 error beside what it may be. */
export interface Checked {
  readonly what: string;
  readonly error: number;
  readonly bar: number;
}

/** A function is not what its reference says, or its gradient is not. */
export class GradcheckError extends Error {
  override name = "GradcheckError";
}

/** Elements of an operand whose gradient is compared with the reference's differences. */
const MOST_ELEMENTS = 64;
/** Each operand passes through a scale by this first, so that its gradient is computed mid-graph. */
const BEFORE = 2;

/**
 * Computes a function of tensors in the middle of a graph, twice, and compares values, gradients and the two runs, which have to agree bit for
 * bit. Gradients are those of the operands: whoever checks a function of parameters passes them as such.
 * @returns every comparison
 * @throws GradcheckError that names all that are too far off
 */
export async function gradcheck(
  gpu: Gpu,
  f: (...operands: Tensor[]) => Tensor,
  inputs: readonly CheckedInput[],
  options: GradcheckOptions = {},
): Promise<Checked[]> {
  requireGpu("gradcheck", gpu);
  requireKnown("gradcheck", options, ["reference", "range", "tolerance", "gradientTolerance"]);
  const { reference, range, tolerance = 1e-5, gradientTolerance = reference ? 5e-5 : 0.02 } = options;
  const given = inputs.map((each, k) => filled(each, k, range));
  const graph = new Graph({ training: true });
  const leaves = given.map(({ shape, values }, k) => {
    return graph.input(`operand ${k}`, shape, values instanceof Uint32Array ? "u32" : "f32");
  });
  const operands = leaves.map((leaf) => (leaf.dtype === "f32" ? scale(leaf, BEFORE) : leaf));
  const y = graph.scope("", () => f(...operands));
  const dy = wave(y.size, 99);
  const loss = sum(mul(y, graph.input("dy", y.shape)));
  const wrt = leaves.filter(({ dtype }) => dtype === "f32");
  if (wrt.length === 0 && !reference) {
    throw new GradcheckError(
      "gradcheck: there is nothing to differentiate by: pass what the function depends on as operands of f32, parameters too, as in " +
        "gradcheck(gpu, (w) => sum(mul(w, w)), [[2, 3]])",
    );
  }
  const names = wrt.map((leaf) => leaves.indexOf(leaf));
  const grads = gradientsWhereUsed(loss, wrt);
  const without = names.find((_, i) => !grads[i]);
  if (without !== undefined) {
    throw new GradcheckError(
      `gradcheck: operand ${without} gets no gradient: let the op's gradient return one for it, or leave the operand out if nothing depends on it`,
    );
  }
  const outputs: NamedTensors = {
    y,
    ...Object.fromEntries(names.map((k, i) => [`gradient of operand ${k}`, grads[i]!])),
  };
  const plan = await compile(gpu, graph, { outputs });
  const values = given.map(({ values }): HostArray =>
    values instanceof Uint32Array ? values : values.map((v) => v / BEFORE),
  );
  const run = (all: readonly HostArray[]) =>
    plan.run({ ...Object.fromEntries(all.map((each, k) => [`operand ${k}`, each])), dy });
  const checked: Checked[] = [];
  const compare = (what: string, found: ArrayLike<number>, wanted: ArrayLike<number>, bar: number) =>
    checked.push({ what, error: distanceOf(found, wanted), bar });
  try {
    const [out, again] = [await run(values), await run(values)];
    for (const name of Object.keys(outputs)) compare(`${name}, run twice`, bitsOf(again[name]!), bitsOf(out[name]!), 0);
    const doubles = given.map((each) => Float64Array.from(each.values));
    const wanted = reference && Float64Array.from(reference(...doubles));
    if ((wanted ?? out["y"]!).some(Number.isNaN)) {
      const whose = wanted ? "the reference" : "the function";
      throw new GradcheckError(
        `gradcheck: ${whose} is NaN where it was computed: say where the operands may lie, as in { range: [0, 4] }`,
      );
    }
    if (wanted && wanted.length !== y.size) {
      throw new GradcheckError(
        `gradcheck: the reference returned ${wanted.length} values, and the function ${y.size}, ${showShape(y.shape)}: return as many, in the order of memory`,
      );
    }
    if (wanted) compare("values", out["y"]!, wanted, tolerance);
    for (const k of names) {
      const what = `gradient of operand ${k}`;
      const found = out[what]!.map((g) => g / BEFORE);
      if (reference) {
        const elements = spreadOver(found.length);
        const wanted = elements.map((i) => differenceOf(reference, doubles, k, i, dy));
        compare(what, elements.map((i) => found[i]!), wanted, gradientTolerance); // prettier-ignore
      } else {
        const at = async (moved: Float32Array) => {
          const { y: there } = await run(values.with(k, moved));
          return there!.reduce((total, v, i) => total + v * dy[i]!, 0);
        };
        checked.push({
          what,
          error: await slopeError(at, values[k] as Float32Array, out[what]!),
          bar: gradientTolerance,
        });
      }
    }
  } finally {
    plan.destroy();
  }
  const wrong = checked.filter(({ error, bar }) => !(error <= bar));
  if (wrong.length === 0) return checked;
  const lines = wrong.map(({ what, error, bar }) => `${what} is off by ${error.toExponential(1)}, more than ${bar}`);
  throw new GradcheckError(`gradcheck: ${lines.join("; ")}`);
}

/** A case of an op: its operands, and the reference where cases have different ones. */
export type OpCases = Readonly<Record<string, readonly CheckedInput[]>>;

/**
 * Checks a defined op by cases: see `gradcheck`. Choose sizes that are no multiples of 4, a single element, several workgroups of 64 threads.
 * @returns every comparison of every case
 * @throws GradcheckError that names op, case and what is too far off
 */
export async function checkOp(
  gpu: Gpu,
  op: DefinedOp,
  cases: OpCases,
  options: GradcheckOptions = {},
): Promise<Checked[]> {
  requireGpu("checkOp", gpu);
  if (!(op as Partial<DefinedOp> | undefined)?.definition) {
    throw new TypeError(`checkOp: expected an op that defineOp gave, got ${aKind(op)}`);
  }
  const { name } = op.definition;
  const checked: Checked[] = [];
  for (const [which, inputs] of Object.entries(cases)) {
    try {
      checked.push(
        ...(await gradcheck(gpu, op, inputs, options)).map((each) => ({ ...each, what: `${which}: ${each.what}` })),
      );
    } catch (error) {
      if (!(error instanceof GradcheckError)) throw error;
      throw new GradcheckError(error.message.replace(/^gradcheck/, `${name}, case ${which}`), { cause: error });
    }
  }
  if (checked.length === 0) throw new GradcheckError(`${name}: there are no cases to check`);
  return checked;
}

/** The values of an operand. @throws ShapeError for an operand or a range that cannot be */
function filled(each: CheckedInput, k: number, usual: ValueRange | undefined) {
  const what = `gradcheck: operand ${k}`;
  const own: { shape?: readonly number[]; range?: ValueRange; values?: HostArray } = isList(each)
    ? { shape: each as readonly number[] }
    : (each as object);
  requireKnown(what, own, ["shape", "range", "values"]);
  const { shape, range = usual, values } = own;
  requireSizes(what, shape!);
  requireShape(
    values === undefined || own.range === undefined,
    () => `${what}: has values, which a range does not change; leave one of the two out`,
  );
  if (values) return { shape: shape!, values };
  if (!range) return { shape: shape!, values: wave(sizeOf(shape!), k) };
  const [least, greatest] = isList(range) ? (range as readonly number[]) : [];
  requireShape(
    least !== undefined && greatest !== undefined && Number.isFinite(greatest - least) && least < greatest,
    () => `${what}: a range is two numbers, [least, greatest], got ${isList(range) ? showShape(range) : aKind(range)}`,
  );
  // From [-1, 1] into the range.
  const within = wave(sizeOf(shape!), k, 0).map((v) => least + (greatest - least) * (0.5 + 0.45 * v));
  return { shape: shape!, values: within };
}

/** Values within [-1, 1] that f32 holds, none of them nearer to 0 than `gap`, without a pattern. */
const wave = (size: number, stream: number, gap = 0.05): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => {
    const value = Math.sin(12.9898 * (i + 1) + 78.233 * stream);
    return Math.sign(value) * (gap + (1 - gap) * Math.abs(value));
  });

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

function distanceOf(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Infinity;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += (found[i]! - wanted[i]!) ** 2;
    norm += wanted[i]! ** 2;
  }
  const error = Math.sqrt(norm === 0 ? difference : difference / norm);
  return Number.isNaN(error) ? Infinity : error;
}

/** Some of `count` elements, the first and the last among them. */
function spreadOver(count: number): number[] {
  const wanted = Math.min(count, MOST_ELEMENTS);
  const step = wanted > 1 ? (count - 1) / (wanted - 1) : 0;
  return Array.from({ length: wanted }, (_, i) => Math.round(i * step));
}

/** d (dy · y) / d element i of operand k, by central differences in float64. */
function differenceOf(
  reference: OpReference,
  operands: readonly Float64Array[],
  k: number,
  i: number,
  dy: Float32Array,
): number {
  const h = 1e-5 * Math.max(1, Math.abs(operands[k]![i]!));
  const at = (step: number) => {
    const y = reference(...operands.with(k, operands[k]!.with(i, operands[k]![i]! + step)));
    return dy.reduce((total, d, j) => total + d * y[j]!, 0);
  };
  return (at(h) - at(-h)) / (2 * h);
}

/**
 * The relative error of (L(x + h d) - L(x - h d)) / 2h against <gradient, d>, in the direction d in which the gradient should be
 * largest; in float32.
 */
export async function slopeError(
  evaluate: (x: Float32Array) => Promise<number>,
  x: Float32Array,
  gradient: Float32Array,
): Promise<number> {
  const norm = Math.hypot(...gradient);
  if (norm === 0) return 0;
  const size = Math.hypot(...x) / Math.sqrt(x.length) + 1e-3;
  // Along the gradient, with some elements scaled so that errors of opposite sign cannot cancel.
  const direction = gradient.map((g, i) => (g / norm) * (i % 3 === 1 ? 0.5 : 1));
  const slope = direction.reduce((total, d, i) => total + d * gradient[i]!, 0);
  const h = 4e-3 * size;
  const moved = (sign: number) => x.map((v, i) => v + sign * h * direction[i]!);
  const plus = moved(1);
  const minus = moved(-1);
  // The step as rounded to float32 counts, not the intended one.
  const step =
    plus.reduce((total, v, i) => total + (v - minus[i]!) * direction[i]!, 0) / direction.reduce((t, d) => t + d * d, 0);
  return Math.abs(((await evaluate(plus)) - (await evaluate(minus))) / step - slope) / slope;
}
