/** Convolution and the linear layer in ONNX. */
import type { Conv2dSettings } from "./conv2d.ts";
import { NCHW, OIHW, onnxForm, padsOf, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";
import type { Node } from "../graph/tensor.ts";

/** Weights stay as PyTorch has them. Operands: x, weight, a bias and, where a batch normalisation was folded, a residual. */
export const conv2dForms: readonly OnnxForm[] = [
  onnxForm<Conv2dSettings>("conv2d", (writer, node, settings) => {
    const [weight, y] = [node.inputs[1]!, node.outputs[0]!];
    const { relu = false } = settings;
    if (weight.shape.length === 2) return void linear(writer, node, relu);
    if (y.shape.length === 2) return void flattened(writer, node, relu);
    const { stride, dilation, groups, padding } = settings;
    const [x, , bias, residual] = node.inputs;
    const attributes = {
      kernel_shape: weight.shape.slice(0, 2),
      ...{ strides: stride, dilations: dilation, group: groups, pads: padsOf(padding) },
    };
    const inputs = [writer.read(x!, NCHW), writer.read(weight, OIHW), ...(bias ? [writer.read(bias)] : [])];
    let value = writer.add("Conv", inputs, attributes);
    if (residual) value = writer.add("Add", [value, writer.read(residual, NCHW)]);
    writer.write(y, clipped(writer, value, relu), NCHW);
  }),
];

const clipped = (writer: OnnxWriter, value: string, relu: boolean): string =>
  relu ? writer.add("Relu", [value]) : value;

/** Of vectors and a weight one node; of tokens, or of other vectors along the last axis, a product and a sum. */
function linear(writer: OnnxWriter, { inputs: [x, weight, bias], outputs: [y] }: Node, relu: boolean): void {
  const b = bias ? [writer.read(bias)] : [];
  // As PyTorch has it, where it is a weight.
  const isTurned = writer.orderOf(weight!)[0] === 1;
  if (x!.shape.length === 2 && isTurned) {
    const value = writer.add("Gemm", [writer.read(x!), writer.read(weight!, [1, 0]), ...b], { transB: 1 });
    return void writer.write(y!, clipped(writer, value, relu));
  }
  // Runtimes transpose a constant once, when they load it.
  const product = writer.add("MatMul", [writer.read(x!), writer.read(weight!)]);
  writer.write(y!, clipped(writer, bias ? writer.add("Add", [product, ...b]) : product, relu));
}

/** The linear layer behind a map. */
function flattened(writer: OnnxWriter, { inputs: [x, weight, bias], outputs: [y] }: Node, relu: boolean): void {
  const vector = writer.add("Flatten", [writer.read(x!, NCHW)], { axis: 1 });
  const inputs = [vector, writer.readFlattened(weight!), ...(bias ? [writer.read(bias)] : [])];
  writer.write(y!, clipped(writer, writer.add("Gemm", inputs, { transB: 1 }), relu));
}
