/** Lays out a convolution's operands that are assembled from several tensors, or split into several, for variants that need the whole. */
import {
  input,
  output,
  rebound,
  scratch,
  sizeOf,
  type Assembly,
  type Dispatch,
  type Kernel,
  type Lowering,
  type LoweringContext,
  type OperandRef,
  type Slice,
} from "./kernel.ts";
import { readShape } from "./sources.ts";

/** The dispatches of a kernel's only lowering, bound to other operands. */
function bound(
  kernel: Kernel,
  context: LoweringContext,
  operands: { inputs: readonly OperandRef[]; outputs: readonly OperandRef[] },
): Dispatch[] {
  const { dispatches } = kernel.lower(context)[0]!;
  return rebound(dispatches, (ref) => (ref.role === "input" ? operands.inputs : operands.outputs)[ref.index]!);
}

/**
 * Makes a lowering that reads one tensor as its input 0 read the sources of `from` as its first inputs, by laying them out in scratch memory.
 */
export function assembling(lowering: Lowering, { sources, concat }: Assembly, context: LoweringContext): Lowering {
  const memory = [...lowering.scratch];
  const extra = (shape: readonly number[]) => scratch(memory.push(4 * sizeOf(shape)) - 1);
  const before: Dispatch[] = [];
  const pieces = sources.map((source, i) => {
    if (!source.enlarge) return input(i);
    const larger = extra(readShape(source));
    before.push(...bound(source.enlarge(source.shape), context, { inputs: [input(i)], outputs: [larger] }));
    return larger;
  });
  const shapes = sources.map(readShape);
  let whole = pieces[0]!;
  if (pieces.length > 1) {
    const kernel = concat!(shapes);
    whole = extra(kernel.outputs[0]!.shape);
    before.push(...bound(kernel, context, { inputs: pieces, outputs: [whole] }));
  }
  const shift = (ref: OperandRef): OperandRef => {
    if (ref.role !== "input") return ref;
    return ref.index === 0 ? { ...ref, ...whole } : { ...ref, index: ref.index - 1 + sources.length };
  };
  const dispatches = rebound(lowering.dispatches, shift).map((d) => ({
    ...d,
    ...(d.dependsOn ? { dependsOn: d.dependsOn.map((i) => shift(input(i)).index) } : {}),
  }));
  return { variant: lowering.variant, scratch: memory, dispatches: [...before, ...dispatches] };
}

/** Makes a lowering with one result [N, H, W, C] write each of these runs of channels to its own output. */
export function splittingOutput(
  lowering: Lowering,
  result: readonly number[],
  slices: readonly Slice[],
  context: LoweringContext,
): Lowering {
  const whole = scratch(lowering.scratch.length);
  const dispatches = rebound(lowering.dispatches, (ref) => (ref.role === "output" ? { ...ref, ...whole } : ref));
  const outputs = slices.map((_, i) => output(i));
  const after = bound(slices[0]!.of(result, slices), context, { inputs: [whole], outputs });
  const memory = [...lowering.scratch, 4 * sizeOf(result)];
  return { variant: lowering.variant, scratch: memory, dispatches: [...dispatches, ...after] };
}
