/**
 * How an op is written in ONNX. Each op's form stands beside it, in `<op>.onnx.ts`; nothing but an export imports those files, so that
 * who never exports does not load them.
 */
import type { Node, Tensor } from "../graph/tensor.ts";
import { sameShape } from "../kernels/kernel.ts";

/** A number is an integer, numbers are integers, a text a text. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** A size of a tensor: a number, or so many for each of the samples, whose number is free. */
export type Size = number | { readonly each: number };

/** A constant as PyTorch stores it: `order` gives for each of its axes ours. */
export interface StoredConstant {
  readonly name: string;
  readonly order: readonly number[];
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The ONNX graph as it is being written. Values are named by texts. */
export interface OnnxWriter {
  /** The order in which a tensor's axes lie in the graph, as `read` takes it; of constants, inputs and views too. */
  orderOf(tensor: Tensor): readonly number[];
  /** What the sizes of a tensor depend on. */
  sizesOf(tensor: Tensor): readonly Size[];
  /** A tensor with further axes of size 1, at these places of the result. */
  withAxes(tensor: Tensor, places: readonly number[]): Tensor;
  /** The value of a tensor with its axes in this order (axis i is the tensor's axis order[i]); by default in its own. */
  read(tensor: Tensor, order?: readonly number[]): string;
  /** The weight of a linear layer after a map [H, W, C] as PyTorch flattens it: [O, C H W], of a tensor [H, W, C, O]. */
  readFlattened(tensor: Tensor): string;
  /** Says which value a tensor is. */
  write(tensor: Tensor, value: string, order?: readonly number[]): void;
  /** Adds a node. An input "" is left out. @returns its output */
  add(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string;
  /** The same with several outputs. */
  addMany(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ): string[];
  /** A value in another shape, as it lies in memory. */
  reshape(value: string, sizes: readonly Size[]): string;
  /** A shape as a value: a list of integers. */
  shape(sizes: readonly Size[]): string;
  /** A constant of integers; of one number as it is where `scalar`. */
  integers(values: readonly number[], scalar?: "scalar"): string;
  /**
   * A constant of the graph's floating-point type; within `precisely`, or where it says so, in single precision.
   * @throws ExportError for a number that half precision does not have
   */
  floats(shape: readonly number[], values: readonly number[], precision?: "single"): string;
  /** A constant of the network. @throws if the tensor is none */
  stored(tensor: Tensor): StoredConstant;
  /** Says that a tensor is a constant. */
  store(tensor: Tensor, constant: StoredConstant): void;
  /** `f` computed in single precision, whatever the graph's. */
  precisely(value: string, f: (value: string) => string): string;
}

/** The form of the op whose kernel has this name. */
export interface OnnxForm {
  readonly op: string;
  /** Why there is none, and what to do. */
  readonly refused?: string;
  /** The node's inputs are in the shapes in which the op reads them. */
  write(writer: OnnxWriter, node: Node): void;
}

/** An op that cannot be exported: a whole clause that says why, and what to do. */
export const withoutForm = (op: string, refused: string): OnnxForm => ({ op, refused, write: () => {} });

/** `S`: the settings that the op records. */
export const onnxForm = <S extends object = object>(
  op: string,
  write: (writer: OnnxWriter, node: Node, settings: S) => void,
): OnnxForm => ({ op, write: (writer, node) => write(writer, node, node.settings as S) });

/** [N, C, H, W] of a tensor [N, H, W, C]. */
export const NCHW = [0, 3, 1, 2] as const;

/** [O, I, H, W] of a weight [H, W, I, O]. */
export const OIHW = [3, 2, 0, 1] as const;

/** A form of an op of one activation, which it leaves in the order in which it finds it. */
export const alike = <S extends object = object>(
  op: string,
  of: (writer: OnnxWriter, x: string, settings: S) => string,
): OnnxForm =>
  onnxForm<S>(op, (writer, { inputs, outputs }, settings) => {
    const order = writer.orderOf(inputs[0]!);
    writer.write(outputs[0]!, of(writer, writer.read(inputs[0]!, order), settings), order);
  });

/**
 * A form of an op of two operands that are broadcast, or of any number of the same shape. The result has the axes in the order of an operand
 * that has all of them.
 */
export const broadcast = <S extends object | undefined = undefined>(
  op: string,
  of: (writer: OnnxWriter, values: readonly string[], settings: S) => string,
): OnnxForm => ({
  op,
  write(writer, { inputs, outputs, settings }) {
    const y = outputs[0]!;
    const whole = inputs.find(({ shape }) => sameShape(shape, y.shape));
    const lead = whole ?? inputs.find(({ shape }) => shape.length === y.shape.length)!;
    const order = writer.orderOf(lead);
    const isUsual = order.every((axis, i) => axis === i);
    const values = inputs.map((x) => {
      const ahead = y.shape.length - x.shape.length;
      // A single number, and what lies in the usual order, ONNX itself repeats along the axes before.
      if (isUsual || (ahead > 0 && x.size === 1)) return writer.read(x);
      return writer.read(writer.withAxes(x, [...Array(ahead).keys()]), order);
    });
    writer.write(y, of(writer, values, settings as S), order);
  },
});

/** A form of an op of one activation [N, H, W, C] whose result is one too. */
export const onMaps = <S extends object = object>(
  op: string,
  of: (writer: OnnxWriter, x: string, settings: S, node: Node) => string,
): OnnxForm =>
  onnxForm<S>(op, (writer, node, settings) => {
    writer.write(node.outputs[0]!, of(writer, writer.read(node.inputs[0]!, NCHW), settings, node), NCHW);
  });

/** `value` in another shape: -1 for what follows from the others, such as the number of images. */
export const reshaped = (writer: OnnxWriter, value: string, shape: readonly number[]): string =>
  writer.add("Reshape", [value, writer.integers(shape)]);

/** Images, or windows or heads of images, come first: their number is not known. */
export const anyNumberOf = (shape: readonly number[]): number[] => [-1, ...shape.slice(1)];

/** The places of all axes but the first one, that of the samples. */
export const ofSample = (order: readonly number[]): number[] =>
  order.flatMap((axis, place) => (axis === 0 ? [] : [place]));

/** Factors [N, C] as they multiply [N, C, H, W]. */
export const overPixels = (writer: OnnxWriter, factors: string): string =>
  writer.add("Unsqueeze", [factors, writer.integers([2, 3])]);

/** The mean over the pixels of [N, C, H, W]: [N, C]. */
export const pixelMean = (writer: OnnxWriter, x: string): string =>
  writer.add("Flatten", [writer.add("GlobalAveragePool", [x])], { axis: 1 });

/** Of four sides, above, left, below and right. */
export const padsOf = ([h, w]: readonly [number, number]): number[] => [h, w, h, w];
