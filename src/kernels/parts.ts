/** Cuts the work of kernels whose operands exceed one binding into parts that each bind a range. */
import { addInto } from "../../shaders/add_into.wgsl.ts";
import { copyFields, copyWords } from "../../shaders/copy_words.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { alignUp } from "../gpu/gpu.ts";
import { ceilDiv, gcd } from "./grid.ts";
import {
  bytesOf,
  largestBytes,
  output,
  sameShape,
  scratch,
  sizeOf,
  type ByteRange,
  type Dispatch,
  type Kernel,
  type Lowering,
  type LoweringContext,
  type OperandRef,
  type Parts,
  type Spec,
} from "./kernel.ts";
import { threadDispatch } from "./per-thread.ts";

/** The capabilities that decide how a kernel is cut. */
export type BindingLimits = Pick<Capabilities, "maxBindingBytes" | "offsetAlignment">;

/** An operand that is too large for one binding, however the work is cut. */
export class BindingError extends Error {
  override name = "BindingError";
  /** Bytes of the smallest range of an operand that would have to be bound at once. */
  readonly bytes: number;

  constructor(kernel: Kernel, bytes: number) {
    super(`${kernel.name}: ${bytes} bytes do not fit one binding`);
    this.bytes = bytes;
  }
}

/** How one operand is bound: whole; the part's range of it; or a copy of that range, where it lies apart or its offset is not aligned. */
type Binding = "whole" | "cut" | "copied";

/** A kernel cut into parts. */
export interface Cut {
  readonly parts: Parts;
  /** Units of each part. */
  readonly counts: readonly number[];
  readonly input: readonly Binding[];
  readonly output: readonly Binding[];
  readonly update: readonly Binding[];
}

/**
 * Cuts a kernel so that no binding exceeds the limit and each begins at an aligned offset; undefined if it need not be
 * cut.
 * @throws BindingError
 */
export function cutOf(kernel: Kernel, limits: BindingLimits): Cut | undefined {
  let least = largestBytes(kernel);
  if (fits(least, limits)) return undefined;
  for (let { parts } = kernel; parts; parts = parts.otherwise) {
    const found = cutAlong(kernel, parts, limits);
    if (typeof found === "object") return found;
    least = Math.min(least, found);
  }
  throw new BindingError(kernel, least);
}

const fits = (bytes: number, { maxBindingBytes }: BindingLimits): boolean => alignUp(bytes, 16) <= maxBindingBytes;

/** In how many runs of memory a part of an operand lies: the sizes before the one that is cut; `single` is its part of one unit. */
function runsOf({ inner }: Parts, { shape }: Spec, single: Spec): number {
  return inner
    ? sizeOf(
        shape.slice(
          0,
          shape.findIndex((n, i) => n !== single.shape[i]),
        ),
      )
    : 1;
}

/** One way to cut a kernel; the bytes of what it would have to bind at once where that is too much. */
function cutAlong(kernel: Kernel, parts: Parts, limits: BindingLimits): Cut | number {
  const { maxBindingBytes: limit, offsetAlignment } = limits;
  const temporaries = (kernel.temporaries ?? []).map(bytesOf);
  const { units } = parts;
  if (units < 2) return Infinity;
  const one = parts.of(1);
  const aligned = (spec: Spec) => offsetAlignment / gcd(bytesOf(spec) / units, offsetAlignment);
  /** With `copies`, operands that fit a binding whole but cannot be cut at every unit are copied. */
  const attempt = (copies: boolean): Cut | number => {
    let step = 1;
    // Each part lays out its own.
    let largest = Math.max(0, ...temporaries) / units;
    // Of what is bound whole, if only to be copied.
    let whole = 0;
    const bindingOf = (spec: Spec, single: Spec): Binding => {
      const bytes = bytesOf(spec);
      if (sameShape(spec.shape, single.shape)) {
        whole = Math.max(whole, bytes);
        return "whole";
      }
      largest = Math.max(largest, bytes / units);
      if (runsOf(parts, spec, single) > 1) {
        whole = Math.max(whole, bytes);
        return "copied";
      }
      if (copies && fits(bytes, limits) && aligned(spec) > 1) return "copied";
      step = (step / gcd(step, aligned(spec))) * aligned(spec);
      return "cut";
    };
    const input = kernel.inputs.map((spec, i) => bindingOf(spec, one.inputs[i]!));
    const output = kernel.outputs.map((spec, i) => bindingOf(spec, one.outputs[i]!));
    const update = kernel.updates.map((spec, i) => bindingOf(spec, one.updates[i]!));
    if (!fits(whole, limits)) return whole;
    const fitting = Math.floor(Math.floor(limit / largest) / step) * step;
    if (fitting === 0) return step * largest;
    // Parts of about the same size share their pipelines, and none is too small to keep the adapter busy.
    const size = alignUp(ceilDiv(units, ceilDiv(units, fitting)), step);
    const counts = Array.from({ length: ceilDiv(units, size) }, (_, k) => Math.min(size, units - k * size));
    return { parts, counts, input, output, update };
  };
  const plain = attempt(false);
  return typeof plain === "object" ? plain : attempt(true);
}

/**
 * A kernel as dispatches that stay within the limits of a binding. `choose` picks a variant of a kernel.
 * @throws BindingError
 */
export function lowerWithin(kernel: Kernel, context: LoweringContext, choose: (kernel: Kernel) => Lowering): Lowering {
  const cut = cutOf(kernel, context.caps);
  if (!cut) return choose(kernel);
  return cut.parts.lower?.(context, cut.counts) ?? lowerParts(kernel, cut, choose);
}

/** The dispatches of all parts one after another. */
function lowerParts(kernel: Kernel, cut: Cut, choose: (kernel: Kernel) => Lowering): Lowering {
  const { parts } = cut;
  const { units } = parts;
  const kernels = kernelsOf(cut);
  const chosen = new Map([...new Set(kernels)].map((part) => [part, choose(part)]));
  const lowerings = kernels.map((part) => chosen.get(part)!);
  // The parts run one after the other, so they can share their scratch memory.
  const memory: number[] = [];
  for (const lowering of lowerings) {
    for (const [k, bytes] of lowering.scratch.entries()) memory[k] = Math.max(memory[k] ?? 0, bytes);
  }
  const extra = (bytes: number): OperandRef => scratch(memory.push(bytes) - 1);
  const specsOf = ({ inputs, outputs, updates }: Kernel) => ({ input: inputs, output: outputs, update: updates });
  const [specs, ones] = [specsOf(kernel), specsOf(parts.of(1))];
  // Outputs that are sums: the first part writes them, and the terms of the others are added one by one.
  const terms = new Map<number, OperandRef>();
  for (const [i, spec] of kernel.outputs.entries()) {
    if (cut.output[i] === "whole") terms.set(i, extra(bytesOf(spec)));
  }
  const largest = Math.max(...cut.counts);
  const copies = {
    input: new Map<number, OperandRef>(),
    output: new Map<number, OperandRef>(),
    update: new Map<number, OperandRef>(),
  };
  for (const role of ["input", "output", "update"] as const) {
    for (const [i, binding] of cut[role].entries()) {
      if (binding === "copied") copies[role].set(i, extra((bytesOf(specs[role][i]!) / units) * largest));
    }
  }
  const dispatches: Dispatch[] = [];
  let begin = 0;
  for (const [part, count] of cut.counts.entries()) {
    /** The part's range of an operand. */
    const stretch = (spec: Spec) => ({ from: (bytesOf(spec) / units) * begin, bytes: (bytesOf(spec) / units) * count });
    const bind = (ref: OperandRef): OperandRef => {
      if (ref.role === "scratch") return ref;
      const spec = specs[ref.role][ref.index]!;
      const term = part > 0 && ref.role === "output" ? terms.get(ref.index) : undefined;
      if (term) return { ...ref, ...term };
      if (cut[ref.role][ref.index] === "whole") return ref;
      const { from, bytes } = stretch(spec);
      const copy = copies[ref.role].get(ref.index);
      const range = within({ offset: copy ? 0 : from, bytes }, ref.range);
      return copy ? { ...copy, range } : { ...ref, range };
    };
    const copy = (role: "input" | "output" | "update", into: boolean) => {
      for (const [index, at] of copies[role]) {
        const spec = specs[role][index]!;
        const { from, bytes } = stretch(spec);
        const runs = runsOf(parts, spec, ones[role][index]!);
        const whole = { ref: { role, index }, first: from / 4 / runs, stride: bytesOf(spec) / 4 / runs };
        const part = { ref: at, first: 0, stride: bytes / 4 / runs };
        dispatches.push(copyDispatch(into ? whole : part, into ? part : whole, { words: bytes / 4, runs }));
      }
    };
    copy("input", true);
    copy("update", true);
    // Without `dependsOn`: the next part writes to the same scratch memory.
    for (const { label, code, bindings, params, workgroups } of lowerings[part]!.dispatches) {
      dispatches.push({ label, code, bindings: bindings.map(bind), workgroups, ...(params ? { params } : {}) });
    }
    copy("output", false);
    copy("update", false);
    if (part > 0) for (const [i, term] of terms) dispatches.push(addDispatch(kernel.outputs[i]!, term, output(i)));
    begin += count;
  }
  return { variant: lowerings[0]!.variant, scratch: memory, dispatches };
}

/** The kernel of each part; the same where it is over as many units. */
function kernelsOf({ parts, counts }: Cut): Kernel[] {
  const made = new Map<string, Kernel>();
  return counts.map((count, part) => {
    const later = part > 0 && parts.further !== undefined;
    const key = `${count} ${later}`;
    const kernel = made.get(key) ?? (later ? parts.further!(count) : parts.of(count));
    made.set(key, kernel);
    return kernel;
  });
}

/**
 * The kernels whose variants `lowerWithin` asks for: a kernel itself, if only over some of its images at a time, or what a matrix that
 * exceeds a binding is cut into.
 */
export function piecesOf(kernel: Kernel, limits: BindingLimits): Kernel[] {
  try {
    const cut = cutOf(kernel, limits);
    return cut && cut.parts !== kernel.parts ? [...new Set(kernelsOf(cut))] : [kernel];
  } catch (error) {
    if (error instanceof BindingError) return [kernel];
    throw error;
  }
}

/** A range within another one. */
const within = (outer: ByteRange, inner: ByteRange | undefined): ByteRange =>
  inner ? { offset: outer.offset + inner.offset, bytes: inner.bytes } : outer;

const addDispatch = (spec: Spec, from: OperandRef, to: OperandRef): Dispatch =>
  threadDispatch("add", ceilDiv(bytesOf(spec), 16), [from, to], ({ threads }) => addInto(threads));

/** Where the first word of an operand's part lies, and how many words on its next run begins. */
interface Place {
  ref: OperandRef;
  first: number;
  stride: number;
}

/** Copies a part, in runs of equal length. */
function copyDispatch(from: Place, to: Place, { words, runs }: { words: number; runs: number }): Dispatch {
  const values = {
    words,
    run: words / runs,
    first: from.first,
    xStride: from.stride,
    at: to.first,
    yStride: to.stride,
  };
  const params = copyFields.map((name) => values[name]);
  return threadDispatch("copy", words, [from.ref, to.ref], ({ threads }) => copyWords(threads), params);
}
