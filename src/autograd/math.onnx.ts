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
    const bound = (value: number | undefined) => (value === undefined ? [] : [writer.floats([], [value])]);
    // A bound that is left out is an input "" where another follows.
    return writer.add("Clip", [x, ...(min === undefined ? [""] : bound(min)), ...bound(max)]);
  }),
  alike<PowSettings>("pow", (writer, x, { exponent }) => writer.add("Pow", [x, writer.floats([], [exponent])])),
];
