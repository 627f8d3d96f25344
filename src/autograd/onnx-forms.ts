/** What an export writes for each op, by the name of its kernel; or why it cannot be written. It stands beside the op. */
import { arithmeticForms } from "./arithmetic.onnx.ts";
import { attentionForms, classActivationForms } from "./attention.onnx.ts";
import { batchNormForms } from "./batchnorm.onnx.ts";
import { conv2dForms } from "./conv2d.onnx.ts";
import { dropoutForms } from "./dropout.onnx.ts";
import { elementwiseForms } from "./elementwise.onnx.ts";
import { gatingForms } from "./gating.onnx.ts";
import { lossForms } from "./losses.onnx.ts";
import { mathForms } from "./math.onnx.ts";
import { matmulForms } from "./matmul.onnx.ts";
import type { OnnxForm } from "./onnx-form.ts";
import { poolingForms } from "./pooling.onnx.ts";
import { reductionForms } from "./reductions.onnx.ts";
import { selfAttentionForms } from "./self-attention.onnx.ts";
import { shapeForms } from "./shape.onnx.ts";
import { spatialForms } from "./spatial.onnx.ts";
import { tokenForms } from "./tokens.onnx.ts";

const all = [
  ...[arithmeticForms, attentionForms, batchNormForms, classActivationForms, conv2dForms, dropoutForms],
  ...[elementwiseForms, gatingForms, lossForms, mathForms, matmulForms, poolingForms, reductionForms],
  ...[selfAttentionForms, shapeForms, spatialForms, tokenForms],
].flat();

export const onnxForms: ReadonlyMap<string, OnnxForm> = new Map(all.map((form) => [form.op, form]));
