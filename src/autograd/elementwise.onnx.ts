/** Elementwise ops in ONNX. */
import type { ScaleSettings } from "./elementwise.ts";
import { alike, broadcast, type OnnxForm } from "./onnx-form.ts";

export const elementwiseForms: readonly OnnxForm[] = [
  alike("copy", (_, x) => x),
  alike("relu", (writer, x) => writer.add("Relu", [x])),
  alike("sigmoid", (writer, x) => writer.add("Sigmoid", [x])),
  // x (1 + erf(x / √2)) / 2: ONNX has had Gelu itself since opset 20 only.
  alike("gelu", (writer, x) => {
    const error = writer.add("Erf", [writer.add("Mul", [x, writer.floats([], [Math.SQRT1_2])])]);
    const twice = writer.add("Mul", [x, writer.add("Add", [error, writer.floats([], [1])])]);
    return writer.add("Mul", [twice, writer.floats([], [0.5])]);
  }),
  alike<ScaleSettings>("scale", (writer, x, { factor }) => writer.add("Mul", [x, writer.floats([], [factor])])),
  // max(x, 0) - x t + log(1 + exp(-|x|)).
  broadcast("bceWithLogits", (writer, [x, t]) => {
    const rest = writer.add("Softplus", [writer.add("Neg", [writer.add("Abs", [x!])])]);
    const above = writer.add("Sub", [writer.add("Relu", [x!]), writer.add("Mul", [x!, t!])]);
    return writer.add("Add", [above, rest]);
  }),
];
