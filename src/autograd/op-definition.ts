/** The definition of an op of one's own, and whether it can be one. */
import type { Tensor } from "../graph/tensor.ts";
import { WGSL_WORDS } from "./wgsl-words.ts";
import { aKind, requireKnown, requireShape, type DType, type Spec } from "../kernels/kernel.ts";

/** The shapes of the operands, in order. */
export type Shapes = readonly (readonly number[])[];

/** A number of the uniform: u32, or f32 where it says so. */
export type UniformValue = number | { readonly f32: number };

/** An op of one's own, for `defineOp`. */
export interface OpDefinition {
  /** In errors and profiles. */
  readonly name: string;
  /** The operands by the names that the shader gives them, in the order in which they are passed. */
  readonly inputs: Readonly<Record<string, DType>>;
  /** The shape of each result, from those of the operands; with its type where that is not f32. */
  readonly outputs: Readonly<Record<string, (...shapes: Shapes) => readonly number[] | Spec>>;
  /**
   * What one thread does, of which there is one for each element of the first result, whose index is `i`: statements that read the operands and
   * write the results, which are arrays by their names, and read `p`, the uniform. Or, where it contains `@compute`, the whole shader, with
   * entry point `main` and bindings of group 0 in the order of operands, results, uniform; all but the uniform are `var<storage, read_write>`.
   */
  readonly wgsl: string;
  /** WGSL functions that the statements call. */
  readonly functions?: string;
  /** Numbers for the shader, from the operands' shapes: fields of the uniform `p`, in this order. */
  readonly uniform?: (...shapes: Shapes) => Readonly<Record<string, UniformValue>>;
  /** How many threads there are, where not one for each element of the first result. */
  readonly threads?: (...shapes: Shapes) => number;
  /** Of a whole shader: the dispatch. */
  readonly workgroups?: (...shapes: Shapes) => readonly [number, number, number];
  /** What is wrong with operands of these shapes, such as "x is [2], expected [N, T]"; undefined if nothing is. */
  readonly check?: (...shapes: Shapes) => string | undefined;
  /**
   * From the gradients of the results, the operands and the results: the gradients of the operands, in their shapes, recorded with other ops;
   * undefined for one that has none. Without this the op cannot be differentiated.
   */
  readonly gradient?: (
    dys: readonly Tensor[],
    operands: readonly Tensor[],
    results: readonly Tensor[],
  ) => readonly (Tensor | undefined)[];
}

const KNOWN = [
  "name",
  "inputs",
  "outputs",
  "wgsl",
  "functions",
  "uniform",
  "threads",
  "workgroups",
  "check",
  "gradient",
];
/** Names that the frame of a thread's statements uses. */
const TAKEN = ["p", "i", "group", "groups", "thread", "main", "Params", "items"];

/** @throws ShapeError for a name that WGSL keeps for itself */
export function requireNoWord(name: string, called: string): void {
  requireShape(!WGSL_WORDS.has(called), () => `${name}: nothing can be called ${called}, a word of WGSL; rename it`);
}

/** @throws ShapeError */
export function requireDefinition(definition: OpDefinition): void {
  requireKnown("defineOp", definition, KNOWN);
  const {
    name,
    inputs,
    outputs,
    wgsl: text,
    workgroups,
    functions,
    threads,
    uniform,
  } = definition as Partial<OpDefinition>;
  requireShape(
    typeof name === "string" && name !== "",
    () => `defineOp: the name must be a string, got ${aKind(name)}`,
  );
  requireShape(typeof text === "string", () => `${name}: wgsl must be a string, got ${aKind(text)}`);
  const operands = [...Object.keys(inputs ?? {}), ...Object.keys(outputs ?? {})];
  requireShape(
    inputs !== undefined && Object.keys(inputs).length > 0,
    () => `${name}: an op needs at least one of inputs`,
  );
  requireShape(
    outputs !== undefined && Object.keys(outputs).length > 0,
    () => `${name}: an op needs at least one of outputs`,
  );
  for (const dtype of Object.values(inputs)) {
    requireShape(["f32", "u32"].includes(dtype), () => `${name}: unknown type ${dtype}; the types are f32 and u32`);
  }
  for (const [output, of] of Object.entries<unknown>(outputs)) {
    requireShape(
      typeof of === "function",
      () => `${name}: the shape of ${output} is a function of the operands' shapes, such as (x) => x, got ${aKind(of)}`,
    );
  }
  for (const key of ["uniform", "threads", "workgroups", "check", "gradient"] as const) {
    const f: unknown = definition[key];
    requireShape(
      f === undefined || typeof f === "function",
      () => `${name}: ${key} must be a function, got ${aKind(f)}`,
    );
  }
  for (const operand of operands) {
    requireNoWord(name, operand);
    const fits = /^[A-Za-z]\w*$/.test(operand) && !TAKEN.includes(operand);
    requireShape(fits, () => `${name}: an operand cannot be called ${operand}; ${TAKEN.join(", ")} are taken`);
    requireShape(operands.indexOf(operand) === operands.lastIndexOf(operand), () => `${name}: two operands are called ${operand}`); // prettier-ignore
  }
  const whole = text.includes("@compute");
  requireShape(whole === (workgroups !== undefined), () =>
    whole
      ? `${name}: a whole shader needs workgroups`
      : `${name}: workgroups are a whole shader's; statements have threads`,
  );
  requireShape(
    !whole || (functions ?? threads) === undefined,
    () => `${name}: a whole shader has no functions and threads apart`,
  );
  if (whole) requireBindings(name, text, operands, uniform !== undefined);
}

/** The bindings of a whole shader have to be those that it is given. @throws ShapeError */
function requireBindings(name: string, text: string, operands: readonly string[], uniform: boolean): void {
  const declared = [...text.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]*)>/g)].map(
    ([, index, kind]) => `${index!} ${kind!.replaceAll(/\s/g, "")}`,
  );
  const wanted = [
    ...operands.map((_, i) => `${i} storage,read_write`),
    ...(uniform ? [`${operands.length} uniform`] : []),
  ];
  const list = [...operands, ...(uniform ? ["the uniform"] : [])].map((operand, i) => `${operand} at ${i}`).join(", ");
  requireShape(
    declared.length === wanted.length && wanted.every((one) => declared.includes(one)),
    () =>
      `${name}: the shader must bind ${list}, in group 0, each var<storage, read_write>${uniform ? " but the uniform" : ""}; ` +
      `it binds ${declared.map((one) => one.replace(" ", " as ")).join("; ") || "nothing"}`,
  );
}
