/** Half-precision (f16) storage for inference: half the bytes to read; all arithmetic stays f32. */
import { vec, type Lanes } from "./vec.ts";

/** The directive that a shader storing such values begins with. */
export const enableHalf = (half: boolean): string => (half ? "enable f16;\n" : "");

/** The element type in memory. */
export const stored = (lanes: Lanes, half: boolean): string => {
  if (!half) return vec(lanes);
  return lanes === 1 ? "f16" : `vec${lanes}<f16>`;
};

/** A value in memory as f32. */
export const widened = (value: string, lanes: Lanes, half: boolean): string =>
  half ? `${vec(lanes)}(${value})` : value;

/** An f32 value as it is stored. */
export const narrowed = (value: string, lanes: Lanes, half: boolean): string =>
  half ? `${stored(lanes, half)}(${value})` : value;
