/** Cuts the work of kernels whose operands exceed one binding into parts that each bind a range. */
import { addInto } from "../../shaders/add_into.wgsl.ts";
import { copyWords } from "../../shaders/copy_words.wgsl.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { alignUp } from "../gpu/gpu.ts";
import { ceilDiv, gcd } from "./grid.ts";
import {
  bytesOf,
  output,
  sameShape,
  scratch,
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

/** How one operand is bound: whole; the part's range of it; or a copy of that range, where its offset is not aligned. */
type Binding = "whole" | "cut" | "copied";

/** A kernel cut into parts. */
export interface Cut {
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
export function cutOf(kernel: Kernel, { maxBindingBytes: limit, offsetAlignment }: BindingLimits): Cut | undefined {
  const fits = (bytes: number) => alignUp(bytes, 16) <= limit;
  const operands = [...kernel.inputs, ...kernel.outputs, ...kernel.updates];
  const temporaries = (kernel.temporaries ?? []).map(bytesOf);
  const most = Math.max(...operands.map(bytesOf), ...temporaries);
  if (fits(most)) return undefined;
  const { parts } = kernel;
  if (!parts || parts.units < 2) throw new BindingError(kernel, most);
  const { units } = parts;
  const one = parts.of(1);
  const aligned = (spec: Spec) => offsetAlignment / gcd(bytesOf(spec) / units, offsetAlignment);
  /** With `copies`, operands that fit a binding whole but cannot be cut at every unit are copied. */
  const attempt = (copies: boolean): Cut | number => {
    let step = 1;
    // Each part lays out its own.
    let largest = Math.max(0, ...temporaries) / units;
    const bindingOf = (spec: Spec, single: Spec): Binding => {
      const bytes = bytesOf(spec);
      if (sameShape(spec.shape, single.shape)) {
        if (!fits(bytes)) throw new BindingError(kernel, bytes);
        return "whole";
      }
      largest = Math.max(largest, bytes / units);
      if (copies && fits(bytes) && aligned(spec) > 1) return "copied";
      step = (step / gcd(step, aligned(spec))) * aligned(spec);
      return "cut";
    };
    const input = kernel.inputs.map((spec, i) => bindingOf(spec, one.inputs[i]!));
    const output = kernel.outputs.map((spec, i) => bindingOf(spec, one.outputs[i]!));
    const update = kernel.updates.map((spec, i) => bindingOf(spec, one.updates[i]!));
    const fitting = Math.floor(Math.floor(limit / largest) / step) * step;
    if (fitting === 0) return step * largest;
    // Parts of about the same size share their pipelines, and none is too small to keep the adapter busy.
    const size = alignUp(ceilDiv(units, ceilDiv(units, fitting)), step);
    const counts = Array.from({ length: ceilDiv(units, size) }, (_, k) => Math.min(size, units - k * size));
    return { counts, input, output, update };
  };
  const plain = attempt(false);
  if (typeof plain === "object") return plain;
  const copying = attempt(true);
  if (typeof copying === "object") return copying;
  throw new BindingError(kernel, copying);
}

/**
 * A kernel as dispatches that stay within the limits of a binding. `choose` picks a variant of a kernel.
 * @throws BindingError
 */
export function lowerWithin(kernel: Kernel, context: LoweringContext, choose: (kernel: Kernel) => Lowering): Lowering {
  const cut = cutOf(kernel, context.caps);
  const { parts } = kernel;
  if (!cut || !parts) return choose(kernel);
  return parts.lower?.(context, cut.counts) ?? lowerParts(kernel, parts, cut, choose);
}

/** The dispatches of all parts one after another. */
function lowerParts(kernel: Kernel, parts: Parts, cut: Cut, choose: (kernel: Kernel) => Lowering): Lowering {
  const { units } = parts;
  const lowerings = new Map([...new Set(cut.counts)].map((count) => [count, choose(parts.of(count))]));
  // The parts run one after the other, so they can share their scratch memory.
  const memory: number[] = [];
  for (const lowering of lowerings.values()) {
    for (const [k, bytes] of lowering.scratch.entries()) memory[k] = Math.max(memory[k] ?? 0, bytes);
  }
  const extra = (bytes: number): OperandRef => scratch(memory.push(bytes) - 1);
  const specs = { input: kernel.inputs, output: kernel.outputs, update: kernel.updates };
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
        const { from, bytes } = stretch(specs[role][index]!);
        const whole: OperandRef = { role, index };
        const words = bytes / 4;
        dispatches.push(
          into ? copyDispatch(whole, from / 4, at, 0, words) : copyDispatch(at, 0, whole, from / 4, words),
        );
      }
    };
    copy("input", true);
    copy("update", true);
    const lowering = lowerings.get(count)!;
    // Without `dependsOn`: the next part writes to the same scratch memory.
    for (const { label, code, bindings, params, workgroups } of lowering.dispatches) {
      dispatches.push({ label, code, bindings: bindings.map(bind), workgroups, ...(params ? { params } : {}) });
    }
    copy("output", false);
    copy("update", false);
    if (part > 0) for (const [i, term] of terms) dispatches.push(addDispatch(kernel.outputs[i]!, term, output(i)));
    begin += count;
  }
  return { variant: lowerings.get(cut.counts[0]!)!.variant, scratch: memory, dispatches };
}

/** A range within another one. */
const within = (outer: ByteRange, inner: ByteRange | undefined): ByteRange =>
  inner ? { offset: outer.offset + inner.offset, bytes: inner.bytes } : outer;

const addDispatch = (spec: Spec, from: OperandRef, to: OperandRef): Dispatch =>
  threadDispatch("add", ceilDiv(bytesOf(spec), 16), [from, to], ({ threads }) => addInto(threads));

/** Copies words between offsets at which no binding may begin. */
const copyDispatch = (from: OperandRef, first: number, to: OperandRef, at: number, words: number): Dispatch =>
  threadDispatch("copy", words, [from, to], ({ threads }) => copyWords(threads), [words, first, at]);
