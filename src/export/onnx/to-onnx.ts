/** Writes a network as an ONNX model: its inference graph, op by op, with any number of images. */
import { onnxForms } from "../../autograd/onnx-forms.ts";
import { NCHW } from "../../autograd/onnx-form.ts";
import { IMAGE_DEVIATION, IMAGE_MEAN } from "../../data/batches.ts";
import { Graph } from "../../graph/graph.ts";
import { foldBatchNorms } from "../../graph/passes/fold-batch-norms.ts";
import { liveNodes } from "../../graph/passes/live-nodes.ts";
import type { Node, Tensor } from "../../graph/tensor.ts";
import { requireKnown, requireShape } from "../../kernels/kernel.ts";
import type { GivenState } from "../../nn/module.ts";
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
  /** Height and width of the images. */
  readonly size: readonly [number, number];
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
const reserved = ["image", "grey", "logits", "probabilities", "mask"];
const optionNames = ["size", "precision", "fold", "withPreprocessing", "name", "description", "metadata"];

/**
 * The content of an .onnx file that computes what `infer` records. Input `image` [batch, 3, H, W], or with `withPreprocessing` `grey`
 * [batch, 1, H, W]; outputs as far as the network has them: `logits` and `probabilities` [batch, K], `mask` [batch, 1, H, W], the
 * probability of nodule at every pixel. Weights have PyTorch's names and layouts.
 * @param infer such as `(x) => net.forward(x)`
 * @param state the network's state dict, such as `await net.stateDict(gpu)`, or that of a file; no device is needed
 * @throws ExportError for an op that has no ONNX form, and in f16 for a weight beyond its range
 * @throws StateDictError if the state lacks a tensor, or has it in another shape
 */
export function toOnnx(
  infer: (image: Tensor) => Outputs,
  state: GivenState,
  options: OnnxOptions,
): Uint8Array<ArrayBuffer> {
  requireKnown("toOnnx", options, optionNames);
  const { size, precision = "f32", fold = false, withPreprocessing = false } = options;
  requireShape(precisions.includes(precision), () => `toOnnx: precision is ${precision}, expected f32 or f16`);
  const [h, w] = size;
  const graph = new Graph();
  // Of one image: no form depends on their number.
  const image = graph.input("image", [1, h, w, 3]);
  const { logits, mask } = infer(image);
  requireShape(logits !== undefined || mask !== undefined, () => "toOnnx: the network gives neither logits nor a mask");
  const outputs = [logits, mask].filter((t) => t !== undefined);
  const writer = new GraphWriter(state, precision, reserved);
  const input = writeInput(writer, image, { precision, withPreprocessing });
  writeNodes(writer, graph, outputs, fold);
  return writeModel({
    ...{ name: options.name ?? "network", description: options.description ?? "", opset: OPSET, ir: IR },
    producer: { name: PROGRAM, version: VERSION },
    metadata: {
      size: `${h}x${w}`,
      preprocessing: preprocessings[withPreprocessing ? "inside" : "outside"],
      ...{ precision, batch_norms: fold ? "folded" : "kept" },
      ...options.metadata,
    },
    inputs: [input],
    outputs: writeOutputs(writer, logits, mask, precision),
    nodes: writer.nodes,
    constants: writer.constants,
  });
}

/** Writes what these outputs of a graph depend on; its inputs are written already. @throws ExportError for an op without an ONNX form */
export function writeNodes(writer: GraphWriter, graph: Graph, outputs: readonly Tensor[], fold: boolean): void {
  const live = liveNodes(graph, outputs, []);
  for (const node of fold ? foldBatchNorms(live, new Set(outputs)) : live) writeNode(writer, node);
  writer.layer = "";
}

function writeNode(writer: GraphWriter, node: Node): void {
  const form = onnxForms.get(node.kernel.name);
  if (!form) {
    throw new ExportError(`${node.layer ? `${node.layer}: ` : ""}${node.kernel.name} has no ONNX form`);
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

function writeOutputs(
  writer: GraphWriter,
  logits: Tensor | undefined,
  mask: Tensor | undefined,
  precision: Precision,
): OnnxValue[] {
  const outputs: OnnxValue[] = [];
  const output = (name: string, value: string, shape: readonly (number | string)[], description: string) => {
    writer.rename(precision === "f32" ? value : writer.add("Cast", [value], { to: dataTypes.f32 }), name);
    outputs.push({ name, type: "f32", shape, description });
  };
  if (logits) {
    const [, k] = logits.shape as [number, number];
    output("logits", writer.read(logits), ["batch", k], "before softmax, by class");
    writer.rename(writer.add("Softmax", ["logits"], { axis: 1 }), "probabilities");
    outputs.push({ name: "probabilities", type: "f32", shape: ["batch", k], description: "by class" });
  }
  if (mask) {
    const [, h, w] = mask.shape as [number, number, number];
    output("mask", writer.read(mask, NCHW), ["batch", 1, h, w], "the probability of nodule at every pixel");
  }
  return outputs;
}
