/** The ops that have an ONNX form, by the name of their kernel. An op's form stands beside it; losses and dropout, which no inference needs, have none. */
import { attentionForms, classActivationForms } from "./attention.onnx.ts";
import { batchNormForms } from "./batchnorm.onnx.ts";
import { conv2dForms } from "./conv2d.onnx.ts";
import { elementwiseForms } from "./elementwise.onnx.ts";
import { gatingForms } from "./gating.onnx.ts";
import { matmulForms } from "./matmul.onnx.ts";
import type { OnnxForm } from "./onnx-form.ts";
import { poolingForms } from "./pooling.onnx.ts";
import { selfAttentionForms } from "./self-attention.onnx.ts";
import { spatialForms } from "./spatial.onnx.ts";
import { tokenForms } from "./tokens.onnx.ts";

const all = [
  ...[attentionForms, batchNormForms, classActivationForms, conv2dForms, elementwiseForms, gatingForms],
  ...[matmulForms, poolingForms, selfAttentionForms, spatialForms, tokenForms],
].flat();

export const onnxForms: ReadonlyMap<string, OnnxForm> = new Map(all.map((form) => [form.op, form]));
