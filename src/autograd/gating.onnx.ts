/** Factors of samples, channels and pixels, and mean and maximum over the channels, in ONNX. */
import { NCHW, onMaps, onnxForm, type OnnxForm } from "./onnx-form.ts";

export const gatingForms: readonly OnnxForm[] = [
  onnxForm("mulSamples", (writer, { inputs: [x, s], outputs: [y] }) => {
    const order = writer.orderOf(x!);
    const others = order.slice(1).map((_, i) => i + 1);
    const factors = writer.read(writer.withAxes(s!, others), order);
    writer.write(y!, writer.add("Mul", [writer.read(x!, order), factors]), order);
  }),
  onMaps("mulChannels", (writer, x, _, { inputs }) =>
    writer.add("Mul", [x, writer.read(writer.withAxes(inputs[1]!, [1, 2]), NCHW)]),
  ),
  onMaps("mulMap", (writer, x, _, { inputs }) => writer.add("Mul", [x, writer.read(inputs[1]!, NCHW)])),
  onMaps("channelMeanMax", (writer, x) => {
    const of = (op: string) => writer.add(op, [x, writer.integers([1])], { keepdims: 1 });
    return writer.add("Concat", [of("ReduceMean"), of("ReduceMax")], { axis: 1 });
  }),
];
