/** Weights in half precision. */
import { narrowed, widened } from "../data/half-floats.ts";

/** The numbers of an exported model: 32-bit or 16-bit floats. */
export type Precision = "f32" | "f16";
export const precisions: readonly Precision[] = ["f32", "f16"];

/** A model cannot be exported. */
export class ExportError extends Error {
  override name = "ExportError";
}

/** The least value that rounds to infinity. */
const OVERFLOWS = 65_520;

/** As 16-bit words. @throws ExportError for a value beyond the range of half precision */
export function halvesOf(name: string, values: Float32Array): Uint16Array {
  const bad = values.find((value) => Math.abs(value) >= OVERFLOWS);
  if (bad === undefined) return narrowed(values);
  throw new ExportError(`${name} holds ${bad}, beyond half precision, which ends at 65504: export it in f32`);
}

/** What half precision makes of a number. */
export const nearestHalf = (value: number): number => widened(narrowed(Float32Array.of(value)))[0]!;
