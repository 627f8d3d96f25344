/** Max pooling, resizing, concatenation and the mean over the pixels in ONNX. */
import type { Node } from "../graph/tensor.ts";
import type { MaxPoolOptions } from "../kernels/spatial.ts";
import { NCHW, onMaps, onnxForm, padsOf, type OnnxAttribute, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";

export const spatialForms: readonly OnnxForm[] = [
  onMaps<MaxPoolOptions>("maxPool2d", (writer, x, { kernel, stride, padding }) =>
    writer.add("MaxPool", [x], {
      ...{ kernel_shape: [kernel, kernel], strides: [stride, stride], pads: padsOf([padding, padding]) },
    }),
  ),
  onMaps("interpolate", (writer, x, _, node) =>
    resized(writer, x, node, { mode: "linear", coordinate_transformation_mode: "half_pixel" }),
  ),
  onMaps("upsampleNearest", (writer, x, _, node) =>
    resized(writer, x, node, {
      ...{ mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
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
    if (order[1] === NCHW[1]) {
      // Still a map, of one pixel; who reads it as vectors flattens it.
      return void writer.write(
        writer.withAxes(y!, [1, 2]),
        writer.add("GlobalAveragePool", [writer.read(x!, NCHW)]),
        NCHW,
      );
    }
    writer.write(y!, writer.add("ReduceMean", [writer.read(x!), writer.integers([1, 2])], { keepdims: 0 }));
  }),
];

/**
 * Resized by factors where these give the sizes exactly, else to the sizes; of all four axes, since onnxruntime (1.30) mistakes those of two
 * for the whole shape where it moves a transposition past the node.
 */
function resized(
  writer: OnnxWriter,
  x: string,
  { inputs, outputs: [y] }: Node,
  how: Readonly<Record<string, OnnxAttribute>>,
): string {
  const factors = NCHW.map((axis) => y!.shape[axis]! / inputs[0]!.shape[axis]!);
  // A runtime takes the whole part of the product of a size and its factor, a float32.
  const isExact = NCHW.every((axis, i) => {
    const [size, factor] = [inputs[0]!.shape[axis]!, Math.fround(factors[i]!)];
    return [size * factor, Math.fround(size * factor)].every((found) => Math.floor(found) === y!.shape[axis]);
  });
  if (isExact) return writer.add("Resize", [x, "", writer.floats([4], factors, "single")], how);
  const sizes = writer.sizesOf(y!);
  return writer.add("Resize", [x, "", "", writer.shape(NCHW.map((axis) => sizes[axis]!))], how);
}
