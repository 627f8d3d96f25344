/** Max pooling, resizing, concatenation and the mean over the pixels in ONNX. */
import type { MaxPoolOptions } from "../kernels/spatial.ts";
import { NCHW, onMaps, onnxForm, padsOf, pixelMean, type OnnxForm } from "./onnx-form.ts";

export const spatialForms: readonly OnnxForm[] = [
  onMaps<MaxPoolOptions>("maxPool2d", (writer, x, { kernel, stride, padding }) =>
    writer.add("MaxPool", [x], {
      ...{ kernel_shape: [kernel, kernel], strides: [stride, stride], pads: padsOf([padding, padding]) },
    }),
  ),
  onMaps("interpolate", (writer, x, _, { outputs: [y] }) =>
    // By sizes of two axes alone, so that the number of images stays free.
    writer.add("Resize", [x, "", "", writer.integers(y!.shape.slice(1, 3))], {
      ...{ mode: "linear", coordinate_transformation_mode: "half_pixel", axes: [2, 3] },
    }),
  ),
  onnxForm("cat", (writer, { inputs, outputs: [y] }) => {
    const order = writer.orderOf(inputs[0]!);
    const parts = inputs.map((t) => writer.read(t, order));
    writer.write(y!, writer.add("Concat", parts, { axis: order.indexOf(3) }), order);
  }),
  onnxForm("split", (writer, { inputs: [x], outputs }) => {
    const order = writer.orderOf(x!);
    const sizes = writer.integers(outputs.map(({ shape }) => shape[3]!));
    const parts = writer.addMany("Split", [writer.read(x!, order), sizes], outputs.length, { axis: order.indexOf(3) });
    for (const [i, part] of parts.entries()) writer.write(outputs[i]!, part, order);
  }),
  onnxForm("globalAvgPool", (writer, { inputs: [x], outputs: [y] }) => {
    const order = writer.orderOf(x!);
    if (order[1] === NCHW[1]) return void writer.write(y!, pixelMean(writer, writer.read(x!, NCHW)));
    writer.write(y!, writer.add("ReduceMean", [writer.read(x!), writer.integers([1, 2])], { keepdims: 0 }));
  }),
];
