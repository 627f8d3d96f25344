/**
 * Tensors that never change, made once. tfjs would upload a number in an expression anew in every step, each time with a
 * staging buffer of its own and an interrupted compute pass.
 */
import { tf } from "./library.ts";

const constants = new Map<string, tf.Tensor>();

/** The tensor that `make` returned when `key` was first asked for. */
export function constant<T extends tf.Tensor>(key: string, make: () => T): T {
  let tensor = constants.get(key);
  if (!tensor) constants.set(key, (tensor = tf.keep(tf.tidy(make))));
  return tensor as T;
}

export const scalar = (value: number): tf.Scalar => constant(`scalar ${value}`, () => tf.scalar(value));

/** Frees all of them; later uses make new ones. */
export function disposeConstants(): void {
  tf.dispose([...constants.values()]);
  constants.clear();
}
