import { describe, it } from "vitest";
import { checkOp } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { casesOf, opNames, referenceOf } from "../support/reference.ts";

const gpu = useGpu();

/** Cases whose inputs lie on a kink, where a difference quotient is not the gradient, or are ill-conditioned on purpose. */
const unsuited = /tie|constant|same|zero|flat|edge|large|lowest|after-relu|two-values|two-pixels|narrow/;

for (const op of opNames.filter((name) => name !== "conv2d" && name !== "adam")) {
  const reference = referenceOf(op);
  describe(`${op} agrees with PyTorch in float64`, () => {
    for (const testCase of casesOf(op)) {
      const differences = !unsuited.test(testCase.name);
      it(testCase.name, () => checkOp(gpu(), op, testCase, reference, { differences }));
    }
  });
}
