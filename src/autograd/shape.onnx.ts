/** Axes in another order, or repeated, in ONNX. Views have no ops: who reads one reshapes it. */
import { onnxForm, type OnnxForm } from "./onnx-form.ts";
import type { PermuteSettings } from "./shape.ts";

export const shapeForms: readonly OnnxForm[] = [
  // The operand as it is read in this order; where it lies in that order already, nothing happens.
  onnxForm<PermuteSettings>("permute", (writer, { inputs: [x], outputs: [y] }, { order }) => {
    writer.write(y!, writer.read(x!, order));
  }),
  onnxForm("expand", (writer, { inputs: [x], outputs: [y] }) => {
    const ahead = y!.shape.length - x!.shape.length;
    const repeated = y!.shape.map((size, i) => size !== x!.shape[i - ahead]);
    // An axis that stays as it is need not be named: its size may be that of the samples.
    const sizes = writer.sizesOf(y!).map((size, i) => (repeated[i] ? size : 1));
    writer.write(y!, writer.add("Expand", [writer.read(x!), writer.shape(sizes)]));
  }),
];
