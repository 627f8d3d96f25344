/**
 * How an op is written in ONNX. Each op's form stands beside it, in `<op>.onnx.ts`; nothing but an export imports those files, so that
 * who never exports does not load them.
 */
import type { Node, Tensor } from "../graph/tensor.ts";

/** A number is an integer, numbers are integers, a text a text. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** A constant as PyTorch stores it: `order` gives for each of its axes ours. */
export interface StoredConstant {
  readonly name: string;
  readonly order: readonly number[];
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The ONNX graph as it is being written. Values are named by texts. */
export interface OnnxWriter {
  /** The order in which a tensor's axes lie in the graph, as `read` takes it; of constants and inputs too. */
  orderOf(tensor: Tensor): readonly number[];
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
  /** A constant of integers; of one number as it is where `scalar`. */
  integers(values: readonly number[], scalar?: "scalar"): string;
  /** A constant of the graph's floating-point type; within `precisely`, in single precision. */
  floats(shape: readonly number[], values: readonly number[]): string;
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
  /** Whether a node of this name is what the form writes; by default every one is. */
  readonly fits?: (node: Node) => boolean;
  write(writer: OnnxWriter, node: Node): void;
}

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

/** Factors [N, C] as they multiply [N, C, H, W]. */
export const overPixels = (writer: OnnxWriter, factors: string): string =>
  writer.add("Unsqueeze", [factors, writer.integers([2, 3])]);

/** The mean over the pixels of [N, C, H, W]: [N, C]. */
export const pixelMean = (writer: OnnxWriter, x: string): string =>
  writer.add("Flatten", [writer.add("GlobalAveragePool", [x])], { axis: 1 });

/** Of four sides, above, left, below and right. */
export const padsOf = ([h, w]: readonly [number, number]): number[] => [h, w, h, w];
