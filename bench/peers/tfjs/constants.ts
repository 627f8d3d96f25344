/**
 * Tensors that never change, made once. tfjs would upload a number in an expression anew in every step, each time with a
 * staging buffer of its own and an interrupted compute pass.
 */
import { tf } from "./library.ts";

const constants = new Map<string, tf.Tensor>();

/** The tensor that `make` returned when `key` was first asked for on the present backend. */
export function constant<T extends tf.Tensor>(key: string, make: () => T): T {
  const there = `${tf.getBackend()} ${key}`;
  let tensor = constants.get(there);
  if (!tensor) constants.set(there, (tensor = tf.keep(tf.tidy(make))));
  return tensor as T;
}

export const scalar = (value: number): tf.Scalar => constant(`scalar ${value}`, () => tf.scalar(value));

/** Frees those of the present backend; later uses make new ones. */
export function disposeConstants(): void {
  for (const [key, tensor] of constants) {
    if (!key.startsWith(`${tf.getBackend()} `)) continue;
    tensor.dispose();
    constants.delete(key);
  }
}
