/** Elementwise ops, and sums over all elements, in ONNX. */
import { sameShape } from "../kernels/kernel.ts";
import type { ScaleSettings, SumSettings } from "./elementwise.ts";
import { alike, onnxForm, reshaped, type OnnxForm } from "./onnx-form.ts";

/** Both operands in the order of the first. Numbers and what is broadcast have kernels of the same name, and no form yet. */
const ofTwo = (op: string, name: string): OnnxForm => ({
  ...onnxForm(op, (writer, { inputs: [a, b], outputs: [y] }) => {
    const order = writer.orderOf(a!);
    writer.write(y!, writer.add(name, [writer.read(a!, order), writer.read(b!, order)]), order);
  }),
  fits: ({ inputs: [a, b] }) => b !== undefined && sameShape(a!.shape, b.shape),
});

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
  ofTwo("add", "Add"),
  ofTwo("mul", "Mul"),
  alike<ScaleSettings>("scale", (writer, x, { factor }) => writer.add("Mul", [x, writer.floats([], [factor])])),
  {
    ...onnxForm<SumSettings>("sum", (writer, { inputs: [x], outputs: [y] }, { mean }) => {
      const value = writer.read(x!, writer.orderOf(x!));
      const total = writer.add(mean ? "ReduceMean" : "ReduceSum", [value], { keepdims: 0 });
      writer.write(y!, reshaped(writer, total, [1]));
    }),
    // Of the sums over some axes only some are over all.
    fits: ({ settings }) => settings !== undefined,
  },
];
