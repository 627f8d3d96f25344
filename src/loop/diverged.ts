/** A training whose numbers ran away. */

/** Training diverged. The message names the step and the first tensor with a non-finite value. */
export class DivergedError extends Error {
  override name = "DivergedError";
}

/** @param label the first non-finite tensor of a repeated step, if any */
export function diverged(step: number, label: string | undefined): DivergedError {
  const first = label ? `the first non-finite tensor: ${label}` : "when repeated, every tensor is finite";
  const advice = label?.startsWith("input ") ? "" : "; a lower learning rate may help";
  return new DivergedError(`step ${step}: loss or gradients are not finite; ${first}${advice}`);
}
