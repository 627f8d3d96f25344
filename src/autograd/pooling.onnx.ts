/** Pooling in ONNX. */
import type { AvgPoolOptions } from "../kernels/pooling.ts";
import { NCHW, onMaps, onnxForm, padsOf, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";

export const poolingForms: readonly OnnxForm[] = [
  onMaps<AvgPoolOptions>("avgPool2d", (writer, x, { kernel, stride, padding }) =>
    writer.add("AveragePool", [x], {
      ...{ kernel_shape: kernel, strides: stride, pads: padsOf(padding), count_include_pad: 1 },
    }),
  ),
  onMaps("adaptiveAvgPool2d", (writer, x, _, { inputs, outputs }) => {
    const [[, h, w], [, oh, ow]] = [inputs[0]!.shape, outputs[0]!.shape] as unknown as [Sizes, Sizes];
    if (h === oh && w === ow) return x;
    if (h % oh === 0 && w % ow === 0) {
      const kernel = [h / oh, w / ow];
      return writer.add("AveragePool", [x], { kernel_shape: kernel, strides: kernel });
    }
    // ONNX has no such op: the windows' means are products with constant matrices, along the rows and along the columns.
    const rows = writer.add("MatMul", [means(writer, h, oh, "rows"), x]);
    return writer.add("MatMul", [rows, means(writer, w, ow, "columns")]);
  }),
  onnxForm("globalMaxPool", (writer, { inputs: [x], outputs: [y] }) => {
    writer.write(writer.withAxes(y!, [1, 2]), writer.add("GlobalMaxPool", [writer.read(x!, NCHW)]), NCHW);
  }),
];

type Sizes = readonly [n: number, h: number, w: number, c: number];

/** [to, from], row i the weights of window i; or its transpose. */
function means(writer: OnnxWriter, from: number, to: number, as: "rows" | "columns"): string {
  const weight = (window: number, pixel: number): number => {
    const [begin, end] = [Math.floor((window * from) / to), Math.ceil(((window + 1) * from) / to)];
    return pixel >= begin && pixel < end ? 1 / (end - begin) : 0;
  };
  const shape = as === "rows" ? [to, from] : [from, to];
  const values = Array.from({ length: from * to }, (_, i) => {
    const [first, second] = [Math.floor(i / shape[1]!), i % shape[1]!];
    return as === "rows" ? weight(first, second) : weight(second, first);
  });
  return writer.floats(shape, values);
}
