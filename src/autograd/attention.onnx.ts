/** Mask-Guided Attention, and class activation maps, in ONNX. */
import { usesChannels } from "../kernels/mga.ts";
import type { MgaSettings, MinMaxSettings } from "./attention.ts";
import type { ClassActivationSettings } from "./class-activation.ts";
import { NCHW, ofSample, onMaps, onnxForm, overPixels, pixelMean, type OnnxForm } from "./onnx-form.ts";

export const attentionForms: readonly OnnxForm[] = [
  // In half precision the eps would be a number of hardly four bits, and a faint mask would have few levels left.
  onnxForm<MinMaxSettings>("minmax", (writer, { inputs: [x], outputs: [y] }, { eps }) => {
    const order = writer.orderOf(x!);
    const axes = writer.integers(ofSample(order));
    const scaled = writer.precisely(writer.read(x!, order), (value) => {
      const of = (op: string) => writer.add(op, [value, axes], { keepdims: 1 });
      const [least, most] = [of("ReduceMin"), of("ReduceMax")];
      const span = writer.add("Add", [writer.add("Sub", [most, least]), writer.floats([], [eps])]);
      return writer.add("Div", [writer.add("Sub", [value, least]), span]);
    });
    writer.write(y!, scaled, order);
  }),
  onnxForm<MgaSettings>("mga", (writer, { inputs, outputs: [y] }, { fusion }) => {
    const [f, m, ...gate] = inputs;
    const [features, map] = [writer.read(f!, NCHW), writer.read(m!, NCHW)];
    const masked = writer.add("Mul", [features, map]);
    const enhanced = (by: string) => writer.write(y!, writer.add("Add", [features, by]), NCHW);
    if (!usesChannels(fusion)) return void enhanced(masked);
    const [weight1, bias1, weight2, bias2] = gate;
    const layer = (x: string, weight: (typeof gate)[0], bias: (typeof gate)[0]) =>
      writer.add("Gemm", [x, writer.read(weight, [1, 0]), writer.read(bias)], { transB: 1 });
    const hidden = writer.add("Relu", [layer(pixelMean(writer, masked), weight1!, bias1!)]);
    const attention = overPixels(writer, writer.add("Sigmoid", [layer(hidden, weight2!, bias2!)]));
    const weighted = writer.add("Mul", [fusion === "serial" ? masked : features, attention]);
    enhanced(fusion === "parallel" ? writer.add("Add", [masked, weighted]) : weighted);
  }),
];

export const classActivationForms: readonly OnnxForm[] = [
  onMaps<ClassActivationSettings>("classActivation", (writer, f, { relu }, { inputs }) => {
    const weighted = writer.add("Mul", [f, overPixels(writer, writer.read(inputs[1]!))]);
    const map = writer.add("ReduceSum", [weighted, writer.integers([1])], { keepdims: 1 });
    return relu ? writer.add("Relu", [map]) : map;
  }),
];
