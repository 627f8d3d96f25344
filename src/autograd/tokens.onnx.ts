/** What transformers do with tokens besides attention, in ONNX. */
import { paddedTo, type Windows } from "../kernels/gather.ts";
import { anyNumberOf, onnxForm, reshaped, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";
import type { HeadsSettings, LayerNormSettings } from "./tokens.ts";

export const tokenForms: readonly OnnxForm[] = [
  onnxForm<LayerNormSettings>("layerNorm", (writer, { inputs, outputs: [y] }, { eps }) => {
    const values = inputs.map((t) => writer.read(t));
    writer.write(y!, writer.add("LayerNormalization", values, { axis: -1, epsilon: { float: eps } }));
  }),
  onnxForm("prependToken", (writer, { inputs: [x, token, positions], outputs: [y] }) => {
    const [, t, c] = y!.shape as [number, number, number];
    const tokens = x!.shape.length === 4 ? reshaped(writer, writer.read(x!), [-1, t - 1, c]) : writer.read(x!);
    // As many class tokens as there are images.
    const images = writer.add("Shape", [tokens], { start: 0, end: 1 });
    const each = writer.add("Concat", [images, writer.integers([1, c])], { axis: 0 });
    const first = writer.add("Expand", [reshaped(writer, writer.read(token!), [1, 1, c]), each]);
    const all = writer.add("Concat", [first, tokens], { axis: 1 });
    writer.write(y!, writer.add("Add", [all, reshaped(writer, writer.read(positions!), [1, t, c])]));
  }),
  onnxForm("firstToken", (writer, { inputs: [x], outputs: [y] }) => {
    writer.write(y!, writer.add("Gather", [writer.read(x!), writer.integers([0], "scalar")], { axis: 1 }));
  }),
  onnxForm<HeadsSettings>("headsApart", (writer, { inputs: [x], outputs: [y] }, { heads }) => {
    const [, t, d] = y!.shape as [number, number, number];
    const cut = reshaped(writer, writer.read(x!), [-1, t, heads, d]);
    writer.write(y!, reshaped(writer, writer.add("Transpose", [cut], { perm: [0, 2, 1, 3] }), [-1, t, d]));
  }),
  onnxForm<HeadsSettings>("headsTogether", (writer, { inputs: [x], outputs: [y] }, { heads }) => {
    const [, t, d] = x!.shape as [number, number, number];
    const apart = reshaped(writer, writer.read(x!), [-1, heads, t, d]);
    const beside = writer.add("Transpose", [apart], { perm: [0, 2, 1, 3] });
    writer.write(y!, reshaped(writer, beside, anyNumberOf(y!.shape)));
  }),
  onnxForm<Windows>("windowPartition", (writer, { inputs: [x], outputs: [y] }, { window, shift }) => {
    const [, h, w, c] = x!.shape as [number, number, number, number];
    const [ph, pw] = [paddedTo(h, window), paddedTo(w, window)];
    let pixels = writer.read(x!);
    if (ph > h || pw > w) {
      pixels = writer.add("Pad", [pixels, writer.integers([0, 0, 0, 0, 0, ph - h, pw - w, 0])], { mode: "constant" });
    }
    for (const [i, by] of shift.entries()) pixels = rolled(writer, pixels, i + 1, by, [ph, pw][i]!);
    const cut = reshaped(writer, pixels, [-1, ph / window, window, pw / window, window, c]);
    const windows = writer.add("Transpose", [cut], { perm: [0, 1, 3, 2, 4, 5] });
    writer.write(y!, reshaped(writer, windows, anyNumberOf(y!.shape)));
  }),
  onnxForm<Windows>("windowReverse", (writer, { inputs: [x], outputs: [y] }, { window, shift }) => {
    const [, h, w, c] = y!.shape as [number, number, number, number];
    const [ph, pw] = [paddedTo(h, window), paddedTo(w, window)];
    const windows = reshaped(writer, writer.read(x!), [-1, ph / window, pw / window, window, window, c]);
    const beside = writer.add("Transpose", [windows], { perm: [0, 1, 3, 2, 4, 5] });
    let pixels = reshaped(writer, beside, [-1, ph, pw, c]);
    for (const [i, by] of shift.entries()) {
      const side = [ph, pw][i]!;
      pixels = rolled(writer, pixels, i + 1, (side - by) % side, side);
    }
    for (const [i, side] of [h, w].entries()) {
      if (side < [ph, pw][i]!) pixels = sliced(writer, pixels, i + 1, 0, side);
    }
    writer.write(y!, pixels);
  }),
  onnxForm("spaceToDepth", (writer, { inputs: [x], outputs: [y] }) => {
    const [, h, w, c] = x!.shape as [number, number, number, number];
    const squares = reshaped(writer, writer.read(x!), [-1, h / 2, 2, w / 2, 2, c]);
    // Within a square the columns are the slower ones.
    const pixels = writer.add("Transpose", [squares], { perm: [0, 1, 3, 4, 2, 5] });
    writer.write(y!, reshaped(writer, pixels, anyNumberOf(y!.shape)));
  }),
];

/** Part of an axis, from `begin` to before `end`. */
export const sliced = (writer: OnnxWriter, value: string, axis: number, begin: number, end: number): string =>
  writer.add("Slice", [value, ...[begin, end, axis].map((i) => writer.integers([i]))]);

/** The same with position i read from i + by, around the end. */
function rolled(writer: OnnxWriter, value: string, axis: number, by: number, side: number): string {
  if (by === 0) return value;
  return writer.add("Concat", [sliced(writer, value, axis, by, side), sliced(writer, value, axis, 0, by)], { axis });
}
