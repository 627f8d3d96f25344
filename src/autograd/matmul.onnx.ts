/** Products of batches of matrices, and softmax, in ONNX. */
import type { MatmulOptions } from "../kernels/matmul-forms.ts";
import type { SoftmaxSettings } from "./matmul.ts";
import { onnxForm, type OnnxForm } from "./onnx-form.ts";

export const matmulForms: readonly OnnxForm[] = [
  onnxForm<MatmulOptions>("matmul", (writer, { inputs: [a, b], outputs: [y] }, { transposeA, transposeB }) => {
    const order = (transposed: boolean) => (transposed ? [0, 2, 1] : [0, 1, 2]);
    writer.write(y!, writer.add("MatMul", [writer.read(a!, order(transposeA)), writer.read(b!, order(transposeB))]));
  }),
  onnxForm<SoftmaxSettings>("softmax", (writer, { inputs: [x, bias], outputs: [y] }, { scale }) => {
    const order = bias ? [...x!.shape.keys()] : writer.orderOf(x!);
    const value = writer.read(x!, order);
    const scaled = scale === 1 ? value : writer.add("Mul", [value, writer.floats([], [scale])]);
    const scores = bias ? writer.add("Add", [scaled, writer.read(bias)]) : scaled;
    writer.write(y!, writer.add("Softmax", [scores], { axis: order.indexOf(order.length - 1) }), order);
  }),
];
