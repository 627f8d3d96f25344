/** Writes a network as an ONNX model: its inference graph, op by op, with any number of images. */
import { onnxForms } from "../../autograd/onnx-forms.ts";
import { NCHW } from "../../autograd/onnx-form.ts";
import { IMAGE_DEVIATION, IMAGE_MEAN } from "../../data/batches.ts";
import { Graph } from "../../graph/graph.ts";
import { foldBatchNorms } from "../../graph/passes/fold-batch-norms.ts";
import { liveNodes } from "../../graph/passes/live-nodes.ts";
import { Tensor, type Node } from "../../graph/tensor.ts";
import { requireKnown, requireShape, requireSizes } from "../../kernels/kernel.ts";
import type { GivenState } from "../../nn/module.ts";
import type { NamedTensors } from "../../graph/options.ts";
import type { Outputs } from "../../models/spec.ts";
import { PROGRAM, VERSION } from "../version.ts";
import { ExportError, precisions, type Precision } from "../half.ts";
import { GraphWriter } from "./graph-writer.ts";
import { dataTypes, writeModel, type OnnxValue } from "./model-file.ts";

/** ONNX 1.13: since then a resize names its axes, which leaves the number of images free. */
const OPSET = 18;
const IR = 8;

/** What the model takes. */
export const preprocessings = {
  outside: `image: float32 [batch, 3, H, W], three equal channels of (grey / 255 - ${IMAGE_MEAN}) / ${IMAGE_DEVIATION}, grey from 0 to 255`,
  inside: "grey: uint8 [batch, 1, H, W], the grey levels from 0 to 255; the model normalises them",
} as const;

/** What `toOnnx` writes. */
export interface OnnxOptions {
  /** Height and width of images of three channels, as the project's networks take them: an input `image`. */
  readonly size?: readonly [number, number];
  /** Instead of it, the shape of one sample of a network of one's own, such as [28, 28, 1]: an input `input`. */
  readonly input?: readonly number[];
  /** Of weights and what is computed; inputs and outputs are f32 either way. Default "f32". */
  readonly precision?: Precision;
  /** Fold batch normalisations into the convolutions before them, as this program does when it predicts. Default false. */
  readonly fold?: boolean;
  /** Take grey levels, and normalise them in the graph. Default false. */
  readonly withPreprocessing?: boolean;
  readonly name?: string;
  readonly description?: string;
  /** Further entries of the model's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Names of inputs and outputs. */
const reserved = ["image", "grey", "input", "output", "logits", "probabilities", "mask"];
const optionNames = ["size", "input", "precision", "fold", "withPreprocessing", "name", "description", "metadata"];

/** What a network gives: a tensor, or several by name. */
type Given = Outputs | Tensor | NamedTensors;

/**
 * The content of an .onnx file that computes what `infer` records, for any number of images. Input `image` [batch, 3, H, W], or with
 * `withPreprocessing` `grey` [batch, 1, H, W]; outputs as far as the network has them: `logits` and `probabilities` [batch, K], `mask`
 * [batch, 1, H, W], the probability of nodule at every pixel. Of a network of one's own: input `input`, and its outputs by name, or
 * `output`; maps are [batch, C, H, W]. Weights have PyTorch's names and layouts.
 * @param infer such as `(x) => net.forward(x)`
 * @param state the network's state dict, such as `await net.stateDict(gpu)`, or that of a file; no device is needed
 * @throws ExportError for an op that has no ONNX form, and in f16 for a weight beyond its range
 * @throws StateDictError if the state lacks a tensor, or has it in another shape; ShapeError for options that cannot be
 */
export function toOnnx(
  infer: (image: Tensor) => Given,
  state: GivenState,
  options: OnnxOptions,
): Uint8Array<ArrayBuffer> {
  requireKnown("toOnnx", options, optionNames);
  const { precision = "f32", fold = false, withPreprocessing = false } = options;
  requireShape(precisions.includes(precision), () => `toOnnx: precision is ${precision}, expected f32 or f16`);
  const sample = sampleOf(options);
  const graph = new Graph();
  // Of one image: no form depends on their number.
  const image = graph.input("image", [1, ...sample]);
  const given = infer(image);
  const outputs = outputsOf(options.input ? given : answersOf(given));
  const writer = new GraphWriter(state, precision, reserved);
  const input = options.input
    ? writeOwnInput(writer, image, precision)
    : writeInput(writer, image, { precision, withPreprocessing });
  writeNodes(writer, graph, Object.values(outputs), fold);
  return writeModel({
    ...{ name: options.name ?? "network", description: options.description ?? "", opset: OPSET, ir: IR },
    producer: { name: PROGRAM, version: VERSION },
    metadata: {
      ...(options.input
        ? {}
        : {
            size: `${sample[0]!}x${sample[1]!}`,
            preprocessing: preprocessings[withPreprocessing ? "inside" : "outside"],
          }),
      ...{ precision, batch_norms: fold ? "folded" : "kept" },
      ...options.metadata,
    },
    inputs: [input],
    outputs: writeOutputs(writer, outputs, { precision, own: options.input !== undefined }),
    nodes: writer.nodes,
    constants: writer.constants,
  });
}

/** The shape of one image. @throws ShapeError */
function sampleOf({ size, input, withPreprocessing }: OnnxOptions): readonly number[] {
  requireShape((size === undefined) !== (input === undefined), () => "toOnnx: give size, or input, and not both");
  requireShape(
    !(input && withPreprocessing),
    () => "toOnnx: withPreprocessing is what the project's networks need; record your own in the network",
  );
  const sample = input ?? [...size!, 3];
  requireSizes("toOnnx", sample);
  return sample;
}

/** Of the project's networks the answers alone: `forward` gives features besides. */
function answersOf(given: Given): Given {
  if (given instanceof Tensor) return given;
  const { logits, mask } = given as Outputs;
  return logits || mask ? { ...(logits && { logits }), ...(mask && { mask }) } : given;
}

/** @throws ShapeError, ExportError */
function outputsOf(given: Given): NamedTensors {
  const named = given instanceof Tensor ? { output: given } : given;
  const outputs: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(named) as [string, unknown][]) {
    if (tensor === undefined) continue;
    requireShape(tensor instanceof Tensor, () => `toOnnx: the network gives no tensor as ${name}`);
    const found = tensor;
    if (found.base !== found)
      throw new ExportError(`the output ${name} is a reshaped tensor, which has no ONNX form yet`);
    outputs[name] = found;
  }
  requireShape(Object.keys(outputs).length > 0, () => "toOnnx: the network gives no outputs");
  return outputs;
}

/** PyTorch's order of maps. */
const orderOf = (tensor: Tensor): readonly number[] | undefined => (tensor.shape.length === 4 ? NCHW : undefined);

const shapeOf = (tensor: Tensor) => {
  const order = orderOf(tensor) ?? [...tensor.shape.keys()];
  return ["batch", ...order.slice(1).map((axis) => tensor.shape[axis]!)];
};

function writeOwnInput(writer: GraphWriter, image: Tensor, precision: Precision): OnnxValue {
  const value = precision === "f32" ? "input" : writer.add("Cast", ["input"], { to: dataTypes[precision] });
  writer.write(image, value, orderOf(image));
  return { name: "input", type: "f32", shape: shapeOf(image), description: "" };
}

/** Writes what these outputs of a graph depend on; its inputs are written already. @throws ExportError for an op without an ONNX form */
export function writeNodes(writer: GraphWriter, graph: Graph, outputs: readonly Tensor[], fold: boolean): void {
  const live = liveNodes(graph, outputs, []);
  for (const node of fold ? foldBatchNorms(live, new Set(outputs)) : live) writeNode(writer, node);
  writer.layer = "";
}

function writeNode(writer: GraphWriter, node: Node): void {
  const form = onnxForms.get(node.kernel.name);
  if (!form || node.kernel.isOwn === true || form.fits?.(node) === false) {
    throw new ExportError(`${node.layer ? `${node.layer}: ` : ""}${node.kernel.name} has no ONNX form`);
  }
  if (node.readsViews) {
    throw new ExportError(
      `${node.layer ? `${node.layer}: ` : ""}${node.kernel.name} reads a tensor in another shape, which has no ONNX form yet: ` +
        "instead of reshape or flatten, pool the maps (globalAvgPool), or use flattenedLinear",
    );
  }
  writer.layer = node.layer;
  form.write(writer, node);
}

type How = Required<Pick<OnnxOptions, "precision" | "withPreprocessing">>;

function writeInput(writer: GraphWriter, image: Tensor, { precision, withPreprocessing }: How): OnnxValue {
  const [, h, w] = image.shape as [number, number, number];
  if (!withPreprocessing) {
    const value = precision === "f32" ? "image" : writer.add("Cast", ["image"], { to: dataTypes[precision] });
    writer.write(image, value, NCHW);
    return { name: "image", type: "f32", shape: ["batch", 3, h, w], description: preprocessings.outside };
  }
  const levels = writer.add("Cast", ["grey"], { to: dataTypes[precision] });
  const shares = writer.add("Div", [levels, writer.floats([], [255])]);
  const centred = writer.add("Sub", [shares, writer.floats([], [IMAGE_MEAN])]);
  const normalised = writer.add("Div", [centred, writer.floats([], [IMAGE_DEVIATION])]);
  writer.write(image, writer.add("Concat", [normalised, normalised, normalised], { axis: 1 }), NCHW);
  return { name: "grey", type: "u8", shape: ["batch", 1, h, w], description: preprocessings.inside };
}

/** What the outputs of the project's networks are. */
const meanings: Readonly<Record<string, string>> = {
  logits: "before softmax, by class",
  mask: "the probability of nodule at every pixel",
};

function writeOutputs(
  writer: GraphWriter,
  named: NamedTensors,
  { precision, own }: { precision: Precision; own: boolean },
): OnnxValue[] {
  const outputs: OnnxValue[] = [];
  for (const [name, tensor] of Object.entries(named)) {
    const value = writer.read(tensor, orderOf(tensor));
    writer.rename(precision === "f32" ? value : writer.add("Cast", [value], { to: dataTypes.f32 }), name);
    const shape = shapeOf(tensor);
    outputs.push({ name, type: "f32", shape, description: own ? "" : (meanings[name] ?? "") });
    if (name !== "logits" || own) continue;
    writer.rename(writer.add("Softmax", ["logits"], { axis: 1 }), "probabilities");
    outputs.push({ name: "probabilities", type: "f32", shape, description: "by class" });
  }
  return outputs;
}
