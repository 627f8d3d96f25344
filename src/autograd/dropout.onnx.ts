/** Dropout in ONNX. */
import { withoutForm, type OnnxForm } from "./onnx-form.ts";

export const dropoutForms: readonly OnnxForm[] = [
  withoutForm(
    "dropScale",
    "it draws numbers for a training step; use dropout, stochasticDepth or the layer Dropout, which drop nothing in inference",
  ),
];
