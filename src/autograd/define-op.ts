/** Ops of one's own: a kernel in WGSL and a gradient rule, without a change to the library. `checkOp` (gradcheck.ts) tests them. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { floatBits } from "../../shaders/lib/params.ts";
import { threadMain } from "../../shaders/lib/thread.ts";
import type { Written } from "../gpu/shader.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, Tensor } from "../graph/tensor.ts";
import { threadGrid, THREADS } from "../kernels/grid.ts";
import {
  aKind,
  input,
  isList,
  output,
  requireShape,
  requireSizes,
  showShape,
  sizeOf,
  type DType,
  type Dispatch,
  type Kernel,
  type Spec,
} from "../kernels/kernel.ts";
import { single } from "../kernels/per-thread.ts";
import { pointwiseKernel } from "../kernels/pointwise.ts";
import { requireDefinition, requireNoWord, type OpDefinition, type Shapes } from "./op-definition.ts";

export type { OpDefinition, UniformValue } from "./op-definition.ts";

/** Records the op; returns its first result. */
export interface DefinedOp {
  (...operands: Tensor[]): Tensor;
  /** Records the op; returns all results. */
  all(...operands: Tensor[]): readonly Tensor[];
  readonly definition: OpDefinition;
}

/**
 * An op from a definition. Operands are checked when it is recorded; what is wrong with the WGSL is said by `compile`, with op and line.
 *
 *     const swishGrad = defineOp({ name: "swish.grad", inputs: { dy: "f32", x: "f32" }, outputs: { dx: (dy) => dy },
 *       wgsl: "let s = 1.0 / (1.0 + exp(-x[i])); dx[i] = dy[i] * s * (1.0 + x[i] * (1.0 - s));" });
 *     const swish = defineOp({ name: "swish", inputs: { x: "f32" }, outputs: { y: (x) => x },
 *       wgsl: "y[i] = x[i] / (1.0 + exp(-x[i]));", gradient: ([dy], [x]) => [swishGrad(dy!, x!)] });
 *
 * Each operand has to fit one binding: the work is not cut as that of the library's own kernels is.
 * @throws ShapeError for a definition that cannot be
 */
export function defineOp(definition: OpDefinition): DefinedOp {
  requireDefinition(definition);
  const { name, inputs, gradient } = definition;
  const names = Object.keys(inputs);
  const all = (...operands: Tensor[]): readonly Tensor[] => {
    requireTensors(name, ...operands);
    requireShape(
      operands.length === names.length,
      () => `${name}: takes ${names.join(", ")}; got ${operands.length} operands`,
    );
    for (const [i, operand] of operands.entries()) {
      const wanted = inputs[names[i]!]!;
      requireShape(operand.dtype === wanted, () => `${name}: ${names[i]!} holds ${operand.dtype}, expected ${wanted}`);
    }
    const shapes = operands.map(({ shape }) => shape);
    const wrong = definition.check?.(...shapes);
    requireShape(wrong === undefined, () => `${name}: ${wrong!}`);
    const graph = graphOf(name, ...operands);
    const results: readonly Tensor[] = graph.record(kernelOf(definition, shapes), operands, {
      ...(gradient
        ? {
            gradient(dys: readonly (Tensor | undefined)[]) {
              const whole = results.map(({ shape }, i) => dys[i] ?? graph.record(pointwiseKernel("zeros", shape, 0, "vec4f()"), [])[0]!); // prettier-ignore
              return requireGradients(definition, operands, gradient(whole, operands, results));
            },
          }
        : {}),
    });
    return results;
  };
  return Object.assign((...operands: Tensor[]) => all(...operands)[0]!, { all, definition });
}

/** @throws ShapeError */
function specOf(name: string, result: string, given: readonly number[] | Spec): Spec {
  const spec = isList(given) ? { shape: given as readonly number[], dtype: "f32" as const } : (given as Spec);
  requireSizes(`${name}: ${result}`, (spec as Partial<Spec> | undefined)?.shape as readonly number[]);
  return spec;
}

/** @throws ShapeError */
function numbersOf({ name, uniform }: OpDefinition, shapes: Shapes): { field: string; type: DType; bits: number }[] {
  return Object.entries(uniform?.(...shapes) ?? {}).map(([field, value]) => {
    requireNoWord(name, field);
    requireShape(/^[A-Za-z]\w*$/.test(field) && field !== "items", () => `${name}: a field cannot be called ${field}`);
    if (typeof value === "object" && Number.isFinite(value.f32))
      return { field, type: "f32", bits: floatBits(value.f32) };
    requireShape(
      Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32,
      () =>
        `${name}: ${field} must be a u32 or { f32: number }, got ${typeof value === "number" ? value : JSON.stringify(value)}`,
    );
    return { field, type: "u32", bits: value as number };
  });
}

function kernelOf(definition: OpDefinition, shapes: Shapes): Kernel {
  const { name } = definition;
  const inputs = Object.values(definition.inputs).map((dtype, i): Spec => ({ shape: shapes[i]!, dtype }));
  const outputs = Object.entries(definition.outputs).map(([result, of]) => specOf(name, result, of(...shapes)));
  const numbers = numbersOf(definition, shapes);
  const threads = definition.threads?.(...shapes) ?? sizeOf(outputs[0]!.shape);
  requireShape(Number.isSafeInteger(threads) && threads > 0, () => `${name}: threads must be a whole number above 0, got ${threads}`); // prettier-ignore
  const bits = numbers.map((number) => number.bits);
  const bindings = [...inputs.map((_, i) => input(i)), ...outputs.map((_, i) => output(i))];
  const dispatch: Dispatch = definition.workgroups
    ? {
        ...{ label: name, bindings, code: wgsl`${definition.wgsl}`, workgroups: definition.workgroups(...shapes) },
        written: [writtenAt("wgsl", definition.wgsl, 1)],
        ...(definition.uniform ? { params: bits } : {}),
      }
    : {
        ...{ label: name, bindings, workgroups: threadGrid(threads), params: [threads, ...bits] },
        ...framed(definition, [...inputs, ...outputs], numbers),
      };
  return { name, isOwn: true, inputs, outputs, updates: [], flops: 0, lower: () => [single("plain", dispatch)] };
}

/** A thread's statements in a whole shader, and where they and their functions are in it. */
function framed(
  definition: OpDefinition,
  specs: readonly Spec[],
  numbers: readonly { field: string; type: DType }[],
): Required<Pick<Dispatch, "code" | "written">> {
  const { functions = "", wgsl: statements } = definition;
  const operands = [...Object.keys(definition.inputs), ...Object.keys(definition.outputs)];
  const arrays = operands.map(
    (operand, i) => `@group(0) @binding(${i}) var<storage, read_write> ${operand}: array<${specs[i]!.dtype}>;`,
  );
  const fields = ["items: u32", ...numbers.map(({ field, type }) => `${field}: ${type}`)].join(", ");
  const before = wgsl`
${arrays.join("\n")}
struct Params { ${fields} }
@group(0) @binding(${operands.length}) var<uniform> p: Params;
`;
  const code = wgsl`${before}${functions}
${threadMain({ items: "p.items", threads: THREADS }, statements)}`;
  const parts = { functions: before.length, wgsl: code.lastIndexOf(statements) };
  return {
    code,
    written: [
      ...(functions === "" ? [] : [writtenAt("functions", functions, linesOf(code.slice(0, parts.functions)))]),
      writtenAt("wgsl", statements, linesOf(code.slice(0, parts.wgsl))),
    ],
  };
}

const linesOf = (text: string): number => text.split("\n").length;

const writtenAt = (name: string, text: string, line: number): Written => ({ name, line, lines: linesOf(text) });

/** @throws ShapeError, TypeError for gradients that cannot be those of the operands */
function requireGradients(
  { name, inputs }: OpDefinition,
  operands: readonly Tensor[],
  gradients: readonly (Tensor | undefined)[],
): readonly (Tensor | undefined)[] {
  if (!isList(gradients))
    throw new TypeError(`${name}: its gradient returned ${aKind(gradients)}, not an array of tensors`);
  requireShape(
    gradients.length > 0,
    () =>
      `${name}: its gradient returned an empty array: return a tensor for each operand, undefined for one that has none`,
  );
  requireShape(
    gradients.length <= operands.length,
    () => `${name}: its gradient returned ${gradients.length} tensors for ${operands.length} operands`,
  );
  for (const [i, gradient] of gradients.entries()) {
    if (gradient === undefined) continue;
    const operand = Object.keys(inputs)[i]!;
    if (!(gradient instanceof Tensor)) throw new TypeError(`${name}: the gradient of ${operand} is ${aKind(gradient)}, not a tensor`); // prettier-ignore
    requireShape(
      gradient.size === operands[i]!.size,
      () =>
        `${name}: the gradient of ${operand} is ${showShape(gradient.shape)}, and ${operand} is ${showShape(operands[i]!.shape)}`,
    );
  }
  return gradients;
}
