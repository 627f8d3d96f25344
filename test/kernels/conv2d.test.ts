import { describe, it } from "vitest";
import { checkOp } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { casesOf, referenceOf } from "../support/reference.ts";

const gpu = useGpu();
const reference = referenceOf("conv2d");

describe("conv2d agrees with PyTorch in float64", () => {
  for (const testCase of casesOf("conv2d")) {
    it(testCase.name, () => checkOp(gpu(), "conv2d", testCase, reference, { differences: true }));
  }
});

describe("the plain variants of conv2d agree with PyTorch in float64", () => {
  for (const testCase of casesOf("conv2d")) {
    it(testCase.name, () => checkOp(gpu(), "conv2d", testCase, reference, { plain: true }));
  }
});
