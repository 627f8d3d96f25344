/** Which sizes depend on the number of samples, found by recording a network for two numbers of them. */
import type { Size } from "../../autograd/onnx-form.ts";
import { Variable, type Tensor } from "../../graph/tensor.ts";
import { showShape } from "../../kernels/kernel.ts";
import { ExportError } from "../half.ts";

/** The tensors of one recording, each with its shape in another; and the number of samples of each. */
export class SampleSizes {
  readonly #counts: readonly [own: number, other: number];
  readonly #others = new Map<Tensor, readonly number[]>();
  readonly #sizes = new Map<Tensor, readonly Size[]>();

  /** @param counts numbers of samples, this recording's and the other's */
  constructor(counts: readonly [own: number, other: number]) {
    this.#counts = counts;
  }

  /** Says which tensor of the other recording one is. */
  pair(own: Tensor, other: Tensor): void {
    this.#others.set(own, other.shape);
  }

  /** Says what the sizes of a tensor are that the recordings lack. */
  set(tensor: Tensor, sizes: readonly Size[]): void {
    this.#sizes.set(tensor, sizes);
  }

  /** @throws ExportError for a size that is no multiple of the number of samples, and differs all the same */
  of(tensor: Tensor): readonly Size[] {
    const sizes = this.known(tensor);
    if (sizes) return sizes;
    const [[n, m], { label, shape }] = [this.#counts, tensor];
    throw new ExportError(
      `${label}: ${n} samples make ${showShape(shape)} and ${m} make ${showShape(this.#others.get(tensor)!)}; ` +
        "the export takes sizes that are the same for any number of samples, or multiples of it",
    );
  }

  /** The same; undefined where there is such a size. */
  known(tensor: Tensor): readonly Size[] | undefined {
    const found = this.#sizes.get(tensor);
    if (found) return found;
    const { shape } = tensor;
    const other = this.#others.get(tensor);
    if (tensor instanceof Variable || !other) return shape;
    const [n, m] = this.#counts;
    const sizes = shape.map((size, axis): Size | undefined => {
      if (size === other[axis]) return size;
      return size * m === other[axis]! * n && size % n === 0 ? { each: size / n } : undefined;
    });
    if (sizes.includes(undefined)) return undefined;
    this.#sizes.set(tensor, sizes as Size[]);
    return sizes as Size[];
  }
}

/** A shape as an ONNX value has it. */
export const dimensionOf = (size: Size): number | string => {
  if (typeof size === "number") return size;
  return size.each === 1 ? "batch" : `${size.each}*batch`;
};
