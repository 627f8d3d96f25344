/** Sums, means and maxima over axes in ONNX. */
import type { ReductionSettings, SumSettings } from "./elementwise.ts";
import { onnxForm, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";
import type { Node } from "../graph/tensor.ts";

const ofAxes = <S extends ReductionSettings>(op: string, name: (settings: S) => string): OnnxForm =>
  onnxForm<S>(op, (writer, node, settings) => reduced(writer, node, settings, name(settings)));

function reduced(
  writer: OnnxWriter,
  { inputs: [x], outputs: [y] }: Node,
  { axes, keepdim }: ReductionSettings,
  name: string,
): void {
  const order = writer.orderOf(x!);
  const places = axes.map((axis) => order.indexOf(axis)).toSorted((a, b) => a - b);
  const isAll = axes.length === x!.shape.length;
  const value = writer.add(name, [writer.read(x!, order), ...(isAll ? [] : [writer.integers(places)])], {
    keepdims: keepdim ? 1 : 0,
  });
  if (keepdim) return void writer.write(y!, value, order);
  // Here a number has one axis; there it has none.
  if (isAll) return void writer.write(y!, writer.reshape(value, [1]));
  const left = order.filter((axis) => !axes.includes(axis));
  const sorted = left.toSorted((a, b) => a - b);
  writer.write(
    y!,
    value,
    left.map((axis) => sorted.indexOf(axis)),
  );
}

export const reductionForms: readonly OnnxForm[] = [
  ofAxes<SumSettings>("sum", ({ mean }) => (mean ? "ReduceMean" : "ReduceSum")),
  ofAxes<SumSettings>("mean", () => "ReduceMean"),
  ofAxes("amax", () => "ReduceMax"),
];
