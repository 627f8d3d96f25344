/**
 * What the host side of a kernel tells the graph: the shapes it takes and returns, its cost, and how it becomes
 * dispatches on a given adapter.
 */
import type { Epilogue } from "../../shaders/lib/epilogue.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { alignUp } from "../gpu/gpu.ts";
import type { Shader } from "../gpu/shader.ts";
import { aKind, isList, kindOf } from "./kinds.ts";

export { aKind, isList, kindOf };

/** Types of elements, 4 bytes each. */
export type DType = "f32" | "u32";

/** What a run takes and returns. */
export type HostArray = Float32Array | Uint32Array;

/** The values of several operands. */
export type HostValues = readonly HostArray[];

/** Shape and element type of one operand. */
export interface Spec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Which of a kernel's operands a binding refers to. `update` operands are persistent and read and written in place. */
export interface OperandRef {
  readonly role: "input" | "output" | "update" | "scratch";
  readonly index: number;
  /** The part of the operand that is bound; all of it where undefined. The offset is aligned as bindings must be. */
  readonly range?: ByteRange;
}

export interface ByteRange {
  readonly offset: number;
  readonly bytes: number;
}

export const input = (index: number): OperandRef => ({ role: "input", index });
export const output = (index: number): OperandRef => ({ role: "output", index });
export const update = (index: number): OperandRef => ({ role: "update", index });
export const scratch = (index: number): OperandRef => ({ role: "scratch", index });

/** One compute dispatch: entry point `main`, binding i of group 0 is `bindings[i]`. */
export interface Dispatch {
  readonly label: string;
  readonly code: string;
  readonly bindings: readonly OperandRef[];
  /** As in `Shader`. */
  readonly written?: Shader["written"];
  /** u32 values of a uniform after the storage bindings (shaders/lib/params.ts); none where undefined. */
  readonly params?: readonly number[];
  readonly workgroups: readonly [number, number, number];
  /** The only inputs that it depends on, where it need not run again until they change. */
  readonly dependsOn?: readonly number[];
}

export const shaderOf = ({ code, bindings, params, label, written }: Dispatch): Shader => {
  return { code, bindings: bindings.length, uniform: params !== undefined, label, ...(written && { written }) };
};

/** The same dispatches on other operands. */
export const rebound = (dispatches: readonly Dispatch[], to: (ref: OperandRef) => OperandRef): Dispatch[] =>
  dispatches.map((dispatch) => ({ ...dispatch, bindings: dispatch.bindings.map(to) }));

/** A kernel made concrete for one adapter. */
export interface Lowering {
  readonly variant: string;
  /** Bytes of each scratch operand. */
  readonly scratch: readonly number[];
  readonly dispatches: readonly Dispatch[];
  /** Estimated microseconds, where known and where compiling takes long enough to matter. */
  readonly estimate?: number;
}

/** Parts of this folder that few plans need: `compile` loads them for those, and a page that does not need them never does. */
export type KernelModule = "seldom" | "winograd" | "batchnorm-subgroup";

/** What a kernel is lowered for: the adapter, and the options of the plan. */
export interface LoweringContext {
  readonly caps: Capabilities;
  /** In a plan for inference, what depends only on weights is computed once and costs nothing per run. */
  readonly frozen: boolean;
  /** In a frozen plan, convolutions may store their weights in half precision. */
  readonly half: boolean;
  /** The modules that are there of those that few plans need. */
  readonly loaded: Readonly<Partial<Record<KernelModule, object>>>;
}

/** The context of a plan on this adapter; flags are false, and nothing is loaded, unless they are given. */
export const contextOf = (caps: Capabilities, flags: Partial<Omit<LoweringContext, "caps">> = {}): LoweringContext => ({
  caps,
  frozen: false,
  half: false,
  loaded: {},
  ...flags,
});

/** A tensor [N, H, W, C], or what it becomes when height and width are doubled (bilinear, as `interpolate` does). */
export interface Source {
  readonly shape: readonly number[];
  /** Where it is doubled: the kernel that does it, for such a shape. */
  readonly enlarge?: (shape: readonly number[]) => Kernel;
}

/** A tensor that is sources behind each other along the channels. It carries the kernels that lay it out, so that only graphs with such tensors need them. */
export interface Assembly {
  readonly sources: readonly Source[];
  /** The kernel that concatenates tensors of these shapes; there where sources are more than one. */
  readonly concat?: (shapes: readonly (readonly number[])[]) => Kernel;
}

/** A run of a tensor's channels. */
export interface Channels {
  readonly offset: number;
  readonly take: number;
}

/** Some of a tensor's channels, and the kernel that takes such runs out of a tensor of shape `x`, one output each. */
export interface Slice extends Channels {
  readonly of: (x: readonly number[], runs: readonly Channels[]) => Kernel;
}

/**
 * What makes a kernel a candidate for one of the graph's passes. Every trait is optional: a pass skips a kernel without the trait that it
 * needs, and the kernel runs as it was recorded. Methods return a kernel that computes the same values as the two that it replaces.
 */
export interface KernelTraits {
  /** The same kernel with one more, last input of its output's shape, which is added to the output. Used by `gradients`. */
  readonly withAddend?: () => Kernel;
  /** Of a convolution with at most a bias: the same with this epilogue instead, whose operands follow the weight. Used by `foldBatchNorms`. */
  readonly withEpilogue?: (epilogue: Epilogue) => Kernel;
  /** A batch normalisation relu?((x - mean) invstd gamma + beta (+ residual)) of x, stats, gamma, beta (, residual). Used by `foldBatchNorms`. */
  readonly affine?: { readonly relu: boolean };
  /** The same kernel reading the sources in place of its first input; undefined if it cannot. Used by `elideCopies`. */
  readonly withSources?: (from: Assembly) => Kernel | undefined;
  /** Its output is these sources, concatenated along the channels, and nothing else. Used by `elideCopies`. */
  readonly assembly?: Assembly;
  /** The same kernel with an output for each of these runs of channels, which are all, in order. Used by `elideCopies`. */
  readonly splitOutput?: (slices: readonly Slice[]) => Kernel;
  /** Its output is these channels of its input, and nothing else. Used by `elideCopies`. */
  readonly slice?: Slice;
  /** It costs little more than a pass over its operands, so the backward pass may compute its outputs again. Used by `recompute`. */
  readonly cheap?: boolean;
}

/** A computation of known shapes, before it is made concrete for an adapter. */
export interface Kernel {
  readonly name: string;
  /** Whether it is a user's, whose name may be one of the library's; default false. */
  readonly isOwn?: boolean;
  readonly inputs: readonly Spec[];
  readonly outputs: readonly Spec[];
  readonly updates: readonly Spec[];
  /** Floating-point operations (a multiply-add counts as two) of the direct algorithm; 0 where bytes are the cost. */
  readonly flops: number;
  /** The modules without which `lower` would leave out variants that may be chosen; none where undefined. With more it gives more variants. */
  needs?(context: LoweringContext): readonly KernelModule[];
  /** The variants that run in this context, the preferred one first; the plain one last, if all modules are loaded. */
  lower(context: LoweringContext): Lowering[];
  /** What the passes over a graph may do with it (src/graph/passes/). */
  readonly traits?: KernelTraits;
  /** What its plain variant lays out in scratch memory, which has to fit a binding as operands do. */
  readonly temporaries?: readonly Spec[];
  /** How to cut the work where an operand is too large for one binding; undefined where none grows with the batch. */
  readonly parts?: Parts;
  /** Relative L2 distance that a variant may have from the plain one; `RELATIVE_TOLERANCE` where undefined. */
  readonly tolerance?: number;
  /** Brings a result (outputs, then updates) that has several equivalent forms into one, to compare variants. */
  readonly canonical?: (result: HostValues) => HostValues;
}

/**
 * A kernel cut along one dimension of its operands, such as the images of a batch. Operands whose shape depends on the
 * number of units are cut, the others go whole to every part. Outputs that are not cut are sums: they are computed
 * for each part and added in order.
 */
export interface Parts {
  /** Units in all. */
  readonly units: number;
  /** Whether operands may have other dimensions before that one; their parts are gathered. Otherwise it is the slowest. */
  readonly inner?: true;
  /** The same kernel over this many units. */
  of(units: number): Kernel;
  /** Of sums with something added once, such as a bias: the kernel of later parts, without it. Its inputs are the first of `of`'s. */
  further?(units: number): Kernel;
  /** For kernels whose result is not a sum over the parts: the whole kernel, over parts of `counts` units; `of` then gives shapes only. */
  lower?(context: LoweringContext, counts: readonly number[]): Lowering;
  /** Another way to cut, where an operand that this one leaves whole exceeds a binding. */
  readonly otherwise?: Parts;
}

/** Variants of a kernel round differently; one farther than this from the plain one computes something else. */
export const RELATIVE_TOLERANCE = 1e-4;

/** Wrong shapes, found when the graph is built. */
export class ShapeError extends Error {
  override name = "ShapeError";
  /** The innermost layer that recorded the op, which the message begins with; undefined outside of layers. */
  layer?: string;
}

/** @throws TypeError if `values` is something else, whose bits would be misread as f32 */
export function requireFloats(name: string, values: unknown): asserts values is Float32Array {
  if (kindOf(values) === "Float32Array" && ArrayBuffer.isView(values)) return;
  throw new TypeError(`${name} holds f32, got ${aKind(values)}: pass a Float32Array`);
}

export const f32 = (...shape: number[]): Spec => ({ shape, dtype: "f32" });
export const u32 = (...shape: number[]): Spec => ({ shape, dtype: "u32" });

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
export const bytesOf = (spec: Spec): number => 4 * sizeOf(spec.shape);
export const showShape = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
/** A shape, with its type where that is not f32. */
export const showSpec = ({ shape, dtype }: Spec): string => `${dtype === "f32" ? "" : `${dtype} `}${showShape(shape)}`;
export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** Throws a ShapeError unless `condition` holds. */
export function requireShape(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ShapeError(message());
}

/** Throws a ShapeError unless `shape` is one: at least one size, whole numbers above 0. */
export function requireSizes(what: string, shape: readonly number[]): void {
  requireShape(isList(shape), () => `${what}: a shape is an array of sizes, got ${aKind(shape)}`);
  requireShape(
    shape.length > 0 && shape.every((n) => Number.isSafeInteger(n) && n > 0),
    () => `${what}: ${showShape(shape)} is not a shape`,
  );
}

const shown = (value: unknown): string => (isList(value) ? aKind(value) : String(value));

/** Throws a ShapeError unless `value` is a whole number of at least `least`. */
export function requireWhole(op: string, name: string, value: unknown, least: number): void {
  requireShape(
    Number.isSafeInteger(value) && (value as number) >= least,
    () => `${op}: ${name} must be a whole number of at least ${least}, got ${shown(value)}`,
  );
}

/** Throws a ShapeError for an unknown option, such as a misspelt one. */
export function requireKnown(op: string, options: object, known: readonly string[]): void {
  requireShape(
    kindOf(options) === "Object",
    () => `${op}: options are an object of ${known.join(", ")}; got ${aKind(options)}`,
  );
  for (const name of Object.keys(options)) {
    requireShape(known.includes(name), () => `${op}: unknown option ${name}; the options are ${known.join(", ")}`);
  }
}

/** Throws a ShapeError unless `value` is a number that f32 can hold, of at least `least`. */
export function requireNumber(op: string, name: string, value: unknown, least = -Infinity): void {
  requireShape(
    typeof value === "number" && Number.isFinite(Math.fround(value)) && value >= least,
    () =>
      `${op}: ${name} must be a finite number${least > -Infinity ? ` of at least ${least}` : ""}, got ${shown(value)}`,
  );
}

/** The four sizes of an NHWC activation; `op` names the caller in the error. */
export function nhwc(op: string, shape: readonly number[]): [number, number, number, number] {
  requireShape(shape.length === 4, () => `${op}: expected an activation [N, H, W, C], got ${showShape(shape)}`);
  return shape as unknown as [number, number, number, number];
}

/** A kernel cut along the first size of `shape`; `of` makes the kernel for a part's shape. */
export const alongFirst = (shape: readonly number[], of: (shape: readonly number[]) => Kernel): Parts => ({
  units: shape[0]!,
  of: (units) => of([units, ...shape.slice(1)]),
});

/** Bytes of the largest operand, or of what the plain variant lays out. */
export const largestBytes = ({ inputs, outputs, updates, temporaries = [] }: Kernel): number =>
  Math.max(...[...inputs, ...outputs, ...updates, ...temporaries].map(bytesOf));

/** Whether an operand is larger than a binding, or a buffer, may be. */
export const exceedsBinding = (kernel: Kernel, { maxBindingBytes, maxBufferBytes }: Capabilities): boolean =>
  alignUp(largestBytes(kernel), 16) > Math.min(maxBindingBytes, maxBufferBytes);

/** Bytes that a kernel reads and writes at least once. */
export function bytesMoved(kernel: Kernel): number {
  const total = (specs: readonly Spec[]) => specs.reduce((sum, s) => sum + bytesOf(s), 0);
  return total(kernel.inputs) + total(kernel.outputs) + 2 * total(kernel.updates);
}
