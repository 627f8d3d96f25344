import { describe, it } from "vitest";
import { checkOp } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { casesOf, opNames, referenceOf } from "../support/reference.ts";

const gpu = useGpu();

/** Cases whose inputs lie on a kink, where a difference quotient is not the gradient. */
const kinks = /tie|constant|same|zero|flat|edge|large/;

for (const op of opNames.filter((name) => name !== "conv2d" && name !== "adam")) {
  const reference = referenceOf(op);
  describe(`${op} agrees with PyTorch in float64`, () => {
    for (const testCase of casesOf(op)) {
      const differences = !kinks.test(testCase.name);
      it(testCase.name, () => checkOp(gpu(), op, testCase, reference(testCase.name), { differences }));
    }
  });
}
