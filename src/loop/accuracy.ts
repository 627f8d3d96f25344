/** The metric of a classifier. */
import { aKind, type HostArray } from "../kernels/kernel.ts";

/**
 * The share of samples whose largest logit is that of their class.
 * @param logits [N, K]; probabilities do as well
 * @param label [N], the index of each sample's class
 * @throws TypeError for other arrays; RangeError unless there are as many logits for each label, two at least
 */
export function accuracy(logits: HostArray, label: HostArray): number {
  for (const [what, values] of Object.entries({ logits, label })) {
    if (!ArrayBuffer.isView(values))
      throw new TypeError(`accuracy: ${what}: expected a Float32Array or Uint32Array, got ${aKind(values)}`);
  }
  const count = label.length;
  const classes = logits.length / count;
  if (count === 0 || !Number.isInteger(classes)) {
    throw new RangeError(`accuracy: ${logits.length} logits are not as many for each of ${count} labels`);
  }
  if (classes < 2) {
    throw new RangeError("accuracy: one logit for each label is largest whatever it is; of two classes, give both");
  }
  let right = 0;
  for (let n = 0; n < count; n++) {
    const own = logits.subarray(n * classes, (n + 1) * classes);
    // Nothing is the largest where one is NaN. Classes may be more than a call takes arguments.
    let most = -Infinity;
    for (const logit of own) most = Math.max(most, logit);
    if (own.indexOf(most) === label[n]) right++;
  }
  return right / count;
}
