/** Self-attention of transformers in ONNX. */
import { paddedTo } from "../kernels/gather.ts";
import type { Shifted } from "../kernels/self-attention.ts";
import { anyNumberOf, onnxForm, reshaped, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";
import type { AttentionSettings, ThirdSettings } from "./self-attention.ts";
import { sliced } from "./tokens.onnx.ts";
import type { HeadsSettings } from "./tokens.ts";

/** What is added to the scores of tokens that do not see each other, as in torchvision and in the shader. */
const APART = -100;

export const selfAttentionForms: readonly OnnxForm[] = [
  onnxForm<AttentionSettings>("selfAttention", (writer, { inputs: [x, bias], outputs: [y] }, { heads, shifted }) => {
    const [, t, c] = y!.shape as [number, number, number];
    const d = c / heads;
    const parts = writer.addMany("Split", [writer.read(x!), writer.integers([c, c, c])], 3, { axis: 2 });
    const apart = (part: number, perm: readonly number[]) =>
      writer.add("Transpose", [reshaped(writer, parts[part]!, [-1, t, heads, d])], { perm });
    const q = writer.add("Mul", [apart(0, [0, 2, 1, 3]), writer.floats([], [1 / Math.sqrt(d)])]);
    let scores = writer.add("MatMul", [q, apart(1, [0, 2, 3, 1])]);
    if (bias) scores = writer.add("Add", [scores, writer.read(bias)]);
    if (shifted?.shift.some((by) => by > 0)) scores = separated(writer, scores, heads, t, shifted);
    const weights = writer.add("Softmax", [scores], { axis: -1 });
    const values = writer.add("MatMul", [weights, apart(2, [0, 2, 1, 3])]);
    const beside = writer.add("Transpose", [values], { perm: [0, 2, 1, 3] });
    writer.write(y!, reshaped(writer, beside, [-1, t, c]));
  }),
  onnxForm<ThirdSettings>("selfAttentionWithWeights.third", (writer, { inputs: [x], outputs: [y] }, settings) => {
    const { heads, third } = settings;
    const all = reshaped(writer, writer.read(x!), [-1, 3 * heads, ...x!.shape.slice(1)]);
    const own = sliced(writer, all, 1, third * heads, (third + 1) * heads);
    writer.write(y!, reshaped(writer, own, anyNumberOf(y!.shape)));
  }),
  onnxForm<HeadsSettings>("headMean", (writer, { inputs: [x], outputs: [y] }, { heads }) => {
    const apart = reshaped(writer, writer.read(x!), [-1, heads, ...x!.shape.slice(1)]);
    writer.write(y!, writer.add("ReduceMean", [apart, writer.integers([1])], { keepdims: 0 }));
  }),
  onnxForm("relativePositionBias", (writer, { inputs: [table], outputs: [y] }) => {
    const [heads, tokens] = y!.shape as [number, number, number];
    const rows = Array.from({ length: tokens * tokens }, (_, i) => rowOf(Math.floor(i / tokens), i % tokens, tokens));
    const pairs = writer.add("Gather", [writer.read(table!), writer.integers(rows)], { axis: 0 });
    const byHead = writer.add("Transpose", [pairs], { perm: [1, 0] });
    writer.write(y!, reshaped(writer, byHead, [heads, tokens, tokens]));
  }),
];

/** The row of the table for a query and a key among the tokens of a window. */
function rowOf(query: number, key: number, tokens: number): number {
  const window = Math.sqrt(tokens);
  const difference = (of: (token: number) => number) => of(query) - of(key) + window - 1;
  return difference((token) => Math.floor(token / window)) * (2 * window - 1) + difference((token) => token % window);
}

/** Scores [N · windows, heads, T, T] less what keeps tokens of different regions from seeing each other. */
function separated(writer: OnnxWriter, scores: string, heads: number, t: number, shifted: Shifted): string {
  const { window, shift, size } = shifted;
  const [down, across] = size.map((side) => paddedTo(side, window) / window) as [number, number];
  // 0 but in the last window of a side, where what was wrapped around the border is 2.
  const side = (at: number, isLast: boolean, by: number) => (isLast && by > 0 ? (at + by >= window ? 2 : 1) : 0);
  const regions = Array.from({ length: down * across * t }, (_, i) => {
    const [z, token] = [Math.floor(i / t), i % t];
    const y = side(Math.floor(token / window), Math.floor(z / across) === down - 1, shift[0]);
    return 3 * y + side(token % window, z % across === across - 1, shift[1]);
  });
  const labels = writer.integers(regions);
  const [queries, keys] = [reshaped(writer, labels, [-1, 1, t, 1]), reshaped(writer, labels, [-1, 1, 1, t])];
  const together = writer.add("Equal", [queries, keys]);
  const masks = writer.add("Where", [together, writer.floats([], [0]), writer.floats([], [APART])]);
  const byImage = reshaped(writer, scores, [-1, down * across, heads, t, t]);
  return reshaped(writer, writer.add("Add", [byImage, masks]), [-1, heads, t, t]);
}
