/** Losses in ONNX: some networks give how far two tensors are apart. */
import type { DiceSettings } from "./losses.ts";
import { broadcast, ofSample, onnxForm, withoutForm, type OnnxForm } from "./onnx-form.ts";

const ofClasses = "it takes classes, which no input of an exported network holds; export what comes before the loss";

export const lossForms: readonly OnnxForm[] = [
  broadcast("mseLoss", (writer, values) => {
    const difference = writer.add("Sub", values);
    return writer.add("Mul", [difference, difference]);
  }),
  broadcast("l1Loss", (writer, values) => writer.add("Abs", [writer.add("Sub", values)])),
  onnxForm<DiceSettings>("dice", (writer, { inputs, outputs: [loss] }, { smooth }) => {
    const order = writer.orderOf(inputs[0]!);
    const [p, t] = inputs.map((x) => writer.read(x, order)) as [string, string];
    const axes = ofSample(order);
    const total = (x: string) =>
      axes.length > 0 ? writer.add("ReduceSum", [x, writer.integers(axes)], { keepdims: 0 }) : x;
    const smoothed = (x: string) => writer.add("Add", [x, writer.floats([], [smooth])]);
    const shared = total(writer.add("Mul", [p, t]));
    const ratio = writer.add("Div", [
      smoothed(writer.add("Add", [shared, shared])),
      smoothed(writer.add("Add", [total(p), total(t)])),
    ]);
    writer.write(loss!, writer.add("Sub", [writer.floats([], [1]), ratio]));
  }),
  withoutForm("crossEntropy", ofClasses),
  withoutForm("nllLoss", ofClasses),
];
