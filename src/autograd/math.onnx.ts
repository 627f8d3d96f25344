/** Functions of single values in ONNX. */
import type { ClampOptions, PowSettings } from "./math.ts";
import { alike, type OnnxForm } from "./onnx-form.ts";

const ofOne = (op: string, name: string): OnnxForm => alike(op, (writer, x) => writer.add(name, [x]));

export const mathForms: readonly OnnxForm[] = [
  ofOne("neg", "Neg"),
  ofOne("exp", "Exp"),
  ofOne("log", "Log"),
  ofOne("sqrt", "Sqrt"),
  ofOne("abs", "Abs"),
  ofOne("tanh", "Tanh"),
  alike<ClampOptions>("clamp", (writer, x, { min, max }) => {
    // Of one bound, onnxruntime's Clip has the largest finite number as the other one.
    if (max === undefined) return writer.add("Max", [x, writer.floats([], [min!])]);
    if (min === undefined) return writer.add("Min", [x, writer.floats([], [max])]);
    return writer.add("Clip", [x, writer.floats([], [min]), writer.floats([], [max])]);
  }),
  alike<PowSettings>("pow", (writer, x, { exponent }) => writer.add("Pow", [x, writer.floats([], [exponent])])),
];
