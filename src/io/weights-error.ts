/** What is wrong with weights, without the readers of their files (weights.ts). */

/** A file does not hold weights, or not those of the network. The message is one line: the file, and why. */
export class WeightsError extends Error {
  override name = "WeightsError";
}

/** Whether every value is finite. Sums of float32 cannot overflow a double, so one sum decides. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}
