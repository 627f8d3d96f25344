/** Which values a tensor is, in which shape and with its axes in which order; others are made from those as they are needed. */
import type { Size } from "../../autograd/onnx-form.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { sameShape } from "../../kernels/kernel.ts";

/** A value of a tensor, or of one that reads its memory in another shape. Axis i of the value is the tensor's axis order[i]. */
interface Held {
  readonly tensor: Tensor;
  readonly order: readonly number[];
  readonly value: string;
}

/** What makes values from others. */
interface Maker {
  sizesOf(tensor: Tensor): readonly Size[];
  /** @param from the value's sizes so far */
  reshape(value: string, sizes: readonly Size[], from: readonly Size[]): string;
  transpose(value: string, perm: readonly number[]): string;
  /** The first value of a tensor that nothing was written for. */
  constant(tensor: Tensor): Omit<Held, "tensor">;
  /** Hears of each value of a tensor. */
  heard(held: Held): void;
}

export const usualOrder = ({ shape }: Tensor): number[] => [...shape.keys()];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export class Layouts {
  /** By the tensor whose memory it is. */
  readonly #held = new Map<Tensor, Held[]>();
  readonly #maker: Maker;

  constructor(maker: Maker) {
    this.#maker = maker;
  }

  write(tensor: Tensor, value: string, order: readonly number[]): void {
    this.#held.set(tensor.base, []);
    this.#hold({ tensor, order, value });
  }

  /** An order in which reading costs nothing, if there is one. */
  orderOf(tensor: Tensor): readonly number[] {
    const all = this.#all(tensor.base);
    const own = all.find((held) => this.#isOf(held, tensor));
    if (own) return own.order;
    const alike = all.find((held) => this.#axesAlike(held, tensor));
    const usual = usualOrder(tensor);
    if (!alike) return usual;
    // In the other's order, what has size 1 behind the rest.
    const [axes, others] = [this.#longAxes(tensor), this.#longAxes(alike.tensor)];
    const long = alike.order.filter((axis) => others.includes(axis)).map((axis) => axes[others.indexOf(axis)]!);
    return sameShape(long, axes) ? usual : [...long, ...usual.filter((axis) => !axes.includes(axis))];
  }

  read(tensor: Tensor, order: readonly number[]): string {
    const all = this.#all(tensor.base);
    const known = all.find((held) => this.#isOf(held, tensor) && sameShape(held.order, order));
    if (known) return known.value;
    const alike = all.filter((held) => this.#axesAlike(held, tensor));
    const value = alike.length > 0 ? this.#moved(alike, tensor, order) : this.#viewed(all, tensor, order);
    this.#hold({ tensor, order, value });
    return value;
  }

  #hold(held: Held): void {
    this.#held.get(held.tensor.base)!.push(held);
    this.#maker.heard(held);
  }

  /** From values that differ from the tensor in the order of axes, and in axes of size 1, which come, go and move at no cost. */
  #moved(alike: readonly Held[], tensor: Tensor, order: readonly number[]): string {
    const axes = this.#longAxes(tensor);
    const wanted = order.filter((axis) => axes.includes(axis)).map((axis) => axes.indexOf(axis));
    const placesOf = (held: Held) => {
      const long = this.#longAxes(held.tensor);
      return held.order.filter((axis) => long.includes(axis)).map((axis) => long.indexOf(axis));
    };
    let from = alike.find((held) => sameShape(placesOf(held), wanted));
    if (!from) {
      from = alike[0]!;
      const isOwn = this.#isOf(from, tensor);
      const long = this.#longAxes(from.tensor);
      const short = from.order.filter((axis) => !long.includes(axis));
      const turned = isOwn ? order : [...short, ...wanted.map((place) => long[place]!)];
      const value = this.#maker.transpose(from.value, turned.map((axis) => from!.order.indexOf(axis))); // prettier-ignore
      if (isOwn) return value;
      from = { tensor: from.tensor, order: turned, value };
      this.#hold(from);
    }
    return this.#reshaped(from, tensor, order);
  }

  /** The memory in another shape. */
  #viewed(all: readonly Held[], tensor: Tensor, order: readonly number[]): string {
    const isUsual = (held: Held) => sameShape(held.order, usualOrder(held.tensor));
    let from = all.find(isUsual);
    if (!from) {
      const [first] = all as [Held];
      const usual = usualOrder(first.tensor);
      from = { tensor: first.tensor, order: usual, value: this.read(first.tensor, usual) };
    }
    const usual = usualOrder(tensor);
    const value = this.#reshaped(from, tensor, usual);
    if (sameShape(order, usual)) return value;
    this.#hold({ tensor, order: usual, value });
    return this.#maker.transpose(value, order);
  }

  #reshaped(from: Held, tensor: Tensor, order: readonly number[]): string {
    const inOrder = (of: Tensor, axes: readonly number[]) => {
      const sizes = this.#maker.sizesOf(of);
      return axes.map((axis) => sizes[axis]!);
    };
    const [has, wants] = [inOrder(from.tensor, from.order), inOrder(tensor, order)];
    return same(has, wants) ? from.value : this.#maker.reshape(from.value, wants, has);
  }

  #isOf(held: Held, tensor: Tensor): boolean {
    return held.tensor === tensor || same(this.#maker.sizesOf(held.tensor), this.#maker.sizesOf(tensor));
  }

  /** The axes that are longer than 1. */
  #longAxes(tensor: Tensor): number[] {
    return this.#maker.sizesOf(tensor).flatMap((size, axis) => (size === 1 ? [] : [axis]));
  }

  /** Whether a value has the tensor's axes, but for those of size 1. */
  #axesAlike(held: Held, tensor: Tensor): boolean {
    const long = (of: Tensor) => this.#maker.sizesOf(of).filter((size) => size !== 1);
    return held.tensor === tensor || same(long(held.tensor), long(tensor));
  }

  /** At least one. */
  #all(base: Tensor): readonly Held[] {
    if (!this.#held.has(base)) {
      const { value, order } = this.#maker.constant(base);
      this.write(base, value, order);
    }
    return this.#held.get(base)!;
  }
}
