/** The shapes of convolutions' operands that are assembled from several tensors, or split into several. */
import { f32, type Assembly, type Slice, type Source } from "./kernel.ts";

/** The shape of a source as it is read. */
export function readShape({ shape, enlarge }: Source): readonly number[] {
  const [n, h, w, c] = shape as [number, number, number, number];
  return enlarge ? [n, 2 * h, 2 * w, c] : shape;
}

/** The same sources, of `n` images. */
export const ofImages = ({ sources, ...rest }: Assembly, n: number): Assembly => ({
  ...rest,
  sources: sources.map(({ shape, ...enlarging }) => ({ ...enlarging, shape: [n, ...shape.slice(1)] })),
});

/** Outputs of these runs of channels. */
export const splitSpecs = ([n, h, w]: readonly number[], slices: readonly Slice[]) =>
  slices.map(({ take }) => f32(n!, h!, w!, take));
