/** Convolutions whose input is assembled from several tensors, which are never laid out as one. */
import {
  f32,
  input,
  output,
  rebound,
  scratch,
  sizeOf,
  type Dispatch,
  type Kernel,
  type Lowering,
  type LoweringContext,
  type OperandRef,
  type Source,
} from "./kernel.ts";
import { concatKernel, interpolateKernel, offsetsOf, sliceKernel } from "./spatial.ts";

/** The shape of a source as it is read. */
export function readShape({ shape, enlarged }: Source): readonly number[] {
  const [n, h, w, c] = shape as [number, number, number, number];
  return enlarged ? [n, 2 * h, 2 * w, c] : shape;
}

/** The same sources, of `n` images. */
export const ofImages = (sources: readonly Source[], n: number): Source[] =>
  sources.map(({ shape, enlarged }) => ({ shape: [n, ...shape.slice(1)], enlarged }));

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
 * Makes a lowering that reads one tensor as its input 0 read `sources` as its first inputs, by laying them out in scratch memory.
 */
export function assembling(lowering: Lowering, sources: readonly Source[], context: LoweringContext): Lowering {
  const memory = [...lowering.scratch];
  const extra = (shape: readonly number[]) => scratch(memory.push(4 * sizeOf(shape)) - 1);
  const before: Dispatch[] = [];
  const pieces = sources.map((source, i) => {
    if (!source.enlarged) return input(i);
    const larger = extra(readShape(source));
    const [, h, w] = readShape(source) as [number, number, number];
    before.push(...bound(interpolateKernel(source.shape, [h, w]), context, { inputs: [input(i)], outputs: [larger] }));
    return larger;
  });
  const shapes = sources.map(readShape);
  let whole = pieces[0]!;
  if (pieces.length > 1) {
    const kernel = concatKernel(shapes);
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

/** Makes a lowering with one result [N, H, W, sum of channels] write each of these numbers of channels to its own output. */
export function splittingOutput(
  lowering: Lowering,
  result: readonly number[],
  channels: readonly number[],
  context: LoweringContext,
): Lowering {
  const whole = scratch(lowering.scratch.length);
  const dispatches = rebound(lowering.dispatches, (ref) => (ref.role === "output" ? { ...ref, ...whole } : ref));
  const outputs = channels.map((_, i) => output(i));
  const after = bound(sliceKernel(result, offsetsOf(channels)), context, { inputs: [whole], outputs });
  const memory = [...lowering.scratch, 4 * sizeOf(result)];
  return { variant: lowering.variant, scratch: memory, dispatches: [...dispatches, ...after] };
}

/** Outputs with these numbers of channels. */
export const splitSpecs = ([n, h, w]: readonly number[], channels: readonly number[]) =>
  channels.map((c) => f32(n!, h!, w!, c));
