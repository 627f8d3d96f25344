/** Sums, differences, products and quotients in ONNX, which broadcasts as PyTorch does. */
import type { NumberSettings } from "./elementwise.ts";
import { broadcast, type OnnxForm } from "./onnx-form.ts";

/** The operands that an op was called with: two tensors, or a tensor and a number. */
const ofTwo = (op: string, name: string): OnnxForm =>
  broadcast<NumberSettings | undefined>(op, (writer, values, settings) => {
    if (!settings) return writer.add(name, values);
    const [x] = values as [string];
    if ("left" in settings) return writer.add(name, [writer.floats([], [settings.left]), x]);
    return writer.add(name, [x, writer.floats([], [settings.right])]);
  });

export const arithmeticForms: readonly OnnxForm[] = [
  ofTwo("add", "Add"),
  ofTwo("sub", "Sub"),
  ofTwo("mul", "Mul"),
  ofTwo("div", "Div"),
];
