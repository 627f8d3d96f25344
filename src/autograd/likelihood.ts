/** Log-probabilities and their loss. Of logits, `crossEntropy` computes both at once. */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { nllGradKernel, nllKernel } from "../kernels/losses.ts";
import { sub } from "./arithmetic.ts";
import { checkClasses } from "./given.ts";
import { exp, log } from "./math.ts";
import { amax, sum } from "./reductions.ts";
import { reduced, type LossOptions } from "./regression.ts";

/** log(softmax(x)) along an axis, the last one by default. @throws ShapeError */
export function logSoftmax(x: Tensor, dim = -1): Tensor {
  requireTensors("logSoftmax", x);
  const below = sub(x, amax(x, dim, true));
  return sub(below, log(sum(exp(below), dim, true)));
}

/**
 * The negative log-probability of each sample's class, averaged unless told otherwise.
 * @param x log-probabilities [N, K], such as `logSoftmax` makes
 * @param label u32 [N], below K; where it is an input, a run rejects others
 * @throws ShapeError
 */
export function nllLoss(x: Tensor, label: Tensor, options: LossOptions = {}): Tensor {
  requireTensors("nllLoss", x, label);
  const graph = graphOf("nllLoss", x, label);
  const each = graph.record(nllKernel(x.shape, label.shape), [x, label], {
    gradient: ([dl]) => [graph.record(nllGradKernel(x.shape), [label, dl!])[0], undefined],
  })[0]!;
  checkClasses("nllLoss", label, x.shape[1]!);
  return reduced("nllLoss", each, options);
}
