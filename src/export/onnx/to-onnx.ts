/** Writes a network as an ONNX model: its inference graph, op by op, with any number of images. */
import { onnxForms } from "../../autograd/onnx-forms.ts";
import { NCHW } from "../../autograd/onnx-form.ts";
import { IMAGE_DEVIATION, IMAGE_MEAN } from "../../data/batches.ts";
import type { NamedTensors } from "../../graph/options.ts";
import { Tensor, type Node } from "../../graph/tensor.ts";
import { aKind, isList, kindOf, requireKnown, requireShape, requireSizes, showShape } from "../../kernels/kernel.ts";
import type { Outputs } from "../../models/spec.ts";
import type { GivenState } from "../../nn/module.ts";
import { PROGRAM, VERSION } from "../version.ts";
import { ExportError, precisions, type Precision } from "../half.ts";
import { GraphWriter } from "./graph-writer.ts";
import { dataTypes, writeModel, type OnnxValue } from "./model-file.ts";
import { namedOutputs, recordTwice, type Recording } from "./recording.ts";
import { dimensionOf, type SampleSizes } from "./sample-sizes.ts";

/** ONNX 1.13: since then the axes of all reductions are inputs. */
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

const optionNames = ["size", "input", "precision", "fold", "withPreprocessing", "name", "description", "metadata"];

/** What a network gives: a tensor, or several by name. */
type Given = Outputs | Tensor | NamedTensors;

/**
 * The content of an .onnx file that computes what `infer` records, for any number of images. Input `image` [batch, 3, H, W], or with
 * `withPreprocessing` `grey` [batch, 1, H, W]; outputs as far as the network has them: `logits` and `probabilities` [batch, K], `mask`
 * [batch, 1, H, W], the probability of nodule at every pixel. Of a network of one's own: input `input`, and its outputs by name, or
 * `output`; what has four axes is a map there, [batch, C, H, W], and other tensors keep their axes. Weights have PyTorch's names and layouts.
 * Every op of the library has a form but losses of classes, gradients and those of `defineOp`.
 * @param infer such as `(x) => net.forward(x)`; called for two samples and for three, to find what depends on their number
 * @param state the network's state dict, such as `await net.stateDict(gpu)`, or that of a file; no device is needed
 * @throws ExportError for an op that has no ONNX form, and for a network that takes a fixed number of samples or computes with it; in f16
 *   for a weight beyond its range, and for a number that it does not have
 * @throws StateDictError if the state lacks a tensor, or has it in another shape; ShapeError for options that cannot be; TypeError for what
 *   is no function, or no state
 */
export function toOnnx(
  infer: (image: Tensor) => Given,
  state: GivenState,
  options: OnnxOptions,
): Uint8Array<ArrayBuffer> {
  if (typeof infer !== "function") {
    throw new TypeError(`toOnnx: expected a function first, such as (x) => net.forward(x), got ${aKind(infer)}`);
  }
  if (kindOf(state) !== "Map") {
    throw new TypeError(`toOnnx: the state is what await net.stateDict(gpu) gives, got ${aKind(state)}`);
  }
  requireKnown("toOnnx", options, optionNames);
  const { precision = "f32", fold = false, withPreprocessing = false } = options;
  requireShape(precisions.includes(precision), () => `toOnnx: precision is ${precision}, expected f32 or f16`);
  const sample = sampleOf(options);
  const own = options.input !== undefined;
  const input = own ? "input" : withPreprocessing ? "grey" : "image";
  const named = (image: Tensor) => namedOutputs(own ? infer(image) : answersOf(infer(image)), input);
  const how: How = { precision, withPreprocessing, own, input };
  const [written, other] = recordTwice(named, sample, fold).map((each) => write(each, state, how)) as [
    Written,
    Written,
  ];
  requireSame(written, other);
  return writeModel({
    ...{ name: options.name ?? "network", description: options.description ?? "", opset: OPSET, ir: IR },
    producer: { name: PROGRAM, version: VERSION },
    metadata: {
      ...(own
        ? {}
        : {
            size: `${sample[0]!}x${sample[1]!}`,
            preprocessing: preprocessings[withPreprocessing ? "inside" : "outside"],
          }),
      ...{ precision, batch_norms: fold ? "folded" : "kept" },
      ...options.metadata,
    },
    ...{ inputs: [written.input], outputs: written.outputs },
    ...{ nodes: written.writer.nodes, values: written.writer.values(), constants: written.writer.constants() },
  });
}

/** The shape of one image. @throws ShapeError */
function sampleOf({ size, input, withPreprocessing }: OnnxOptions): readonly number[] {
  requireShape((size === undefined) !== (input === undefined), () => "toOnnx: give size, or input, and not both");
  requireShape(
    !(input && withPreprocessing),
    () => "toOnnx: withPreprocessing is what the project's networks need; record your own in the network",
  );
  requireShape(
    size === undefined || (isList(size) && (size as readonly number[]).length === 2),
    () => `toOnnx: size is [height, width], got ${isList(size) ? showShape(size!) : aKind(size)}`,
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

/** How a graph is written. */
interface How {
  readonly precision: Precision;
  readonly withPreprocessing: boolean;
  /** Whether the network is one's own, and not the project's. */
  readonly own: boolean;
  /** The name of the input. */
  readonly input: string;
}

interface Written {
  readonly writer: GraphWriter;
  readonly input: OnnxValue;
  readonly outputs: readonly OnnxValue[];
}

/** @throws ExportError for an op without an ONNX form */
function write(
  { recording, sizes }: { recording: Recording; sizes: SampleSizes },
  state: GivenState,
  how: How,
): Written {
  const { image, outputs, nodes } = recording;
  const reserved = [how.input, ...Object.keys(outputs), ...(how.own ? [] : ["probabilities"])];
  const writer = new GraphWriter(state, { precision: how.precision, reserved, sizes, input: how.input });
  const input = how.own ? writeOwnInput(writer, image, how) : writeInput(writer, image, how);
  writeNodes(writer, nodes, recording.graph.backwardFrom);
  return { writer, input, outputs: writeOutputs(writer, outputs, how) };
}

/** Requires that nothing depends on the number of samples but what says so. @throws ExportError */
function requireSame({ writer: one }: Written, { writer: other }: Written): void {
  const constants = [one, other].map((writer) => writer.ownConstants());
  const isSame = (name: string) => constants[0]!.get(name) === constants[1]!.get(name);
  for (const [i, node] of one.nodes.entries()) {
    if (JSON.stringify(node) === JSON.stringify(other.nodes[i]) && node.inputs.every(isSame)) continue;
    throw new ExportError(
      `${one.origins.get(node.name) ?? node.op} has a number in it that depends on how many samples there are, which an export leaves open: ` +
        "let an op count them, such as mean in place of a sum divided by their number",
    );
  }
}

/** PyTorch's order of maps. */
const orderOf = (tensor: Tensor): readonly number[] => (tensor.shape.length === 4 ? NCHW : [...tensor.shape.keys()]);

const shapeOf = (writer: GraphWriter, tensor: Tensor) => {
  const sizes = writer.sizesOf(tensor);
  return orderOf(tensor).map((axis) => dimensionOf(sizes[axis]!));
};

/** What a map's axes are, for who reads the model. */
const axesOf = ({ shape }: Tensor): string =>
  shape.length === 4 ? "axes 0, 3, 1, 2 of the network's tensor: a map [N, H, W, C] as [N, C, H, W]" : "";

function writeOwnInput(writer: GraphWriter, image: Tensor, { precision, input }: How): OnnxValue {
  const value = precision === "f32" ? input : writer.add("Cast", [input], { to: dataTypes[precision] });
  writer.write(image, value, orderOf(image));
  return { name: input, type: "f32", shape: shapeOf(writer, image), description: axesOf(image) };
}

/**
 * Writes nodes; the graph's inputs are written already.
 * @param backwardFrom id of the first node of a backward pass, if there is one
 * @throws ExportError for an op without an ONNX form
 */
export function writeNodes(writer: GraphWriter, nodes: readonly Node[], backwardFrom = Infinity): void {
  for (const node of nodes) {
    const { kernel, layer, id } = node;
    writer.layer = layer;
    writer.at = `${layer ? `${layer}: ` : ""}${kernel.name}`;
    const form = kernel.isOwn === true ? undefined : onnxForms.get(kernel.name);
    if (form && form.refused === undefined) form.write(writer, { ...node, inputs: node.operands });
    else throw new ExportError(refusal(node, form?.refused, id >= backwardFrom));
  }
  writer.layer = "";
  writer.at = "";
}

/** Why an op cannot be exported, and what to do. */
function refusal({ kernel, layer }: Node, known: string | undefined, isBackward: boolean): string {
  const at = layer ? `${layer}: ` : "";
  if (kernel.isOwn === true) {
    return `${at}${kernel.name} has no ONNX form: it is an op of your own (defineOp); for the export, put it together from the library's`;
  }
  if (isBackward) return `${at}gradients (${kernel.name}) has no ONNX form: export the forward pass alone`;
  const why = known ?? "put it together from other ops, or leave it out of what is exported";
  return `${at}${kernel.name} has no ONNX form: ${why}`;
}

function writeInput(writer: GraphWriter, image: Tensor, { precision, withPreprocessing, input }: How): OnnxValue {
  const [, h, w] = image.shape as [number, number, number];
  if (!withPreprocessing) {
    const value = precision === "f32" ? input : writer.add("Cast", [input], { to: dataTypes[precision] });
    writer.write(image, value, NCHW);
    return { name: input, type: "f32", shape: ["batch", 3, h, w], description: preprocessings.outside };
  }
  const levels = writer.add("Cast", [input], { to: dataTypes[precision] });
  const shares = writer.add("Div", [levels, writer.floats([], [255])]);
  const centred = writer.add("Sub", [shares, writer.floats([], [IMAGE_MEAN])]);
  const normalised = writer.add("Div", [centred, writer.floats([], [IMAGE_DEVIATION])]);
  writer.write(image, writer.add("Concat", [normalised, normalised, normalised], { axis: 1 }), NCHW);
  return { name: input, type: "u8", shape: ["batch", 1, h, w], description: preprocessings.inside };
}

/** What the outputs of the project's networks are. */
const meanings: Readonly<Record<string, string>> = {
  logits: "before softmax, by class",
  mask: "the probability of nodule at every pixel",
};

function writeOutputs(writer: GraphWriter, named: NamedTensors, { precision, own }: How): OnnxValue[] {
  const outputs: OnnxValue[] = [];
  const values: [value: string, name: string][] = [];
  // All are read before any is renamed: one may be another in another shape.
  const read = Object.entries(named).map(([name, tensor]) => {
    const value = writer.read(tensor, orderOf(tensor));
    return [name, tensor, precision === "f32" ? value : writer.add("Cast", [value], { to: dataTypes.f32 })] as const;
  });
  for (const [name, tensor, value] of read) {
    values.push([value, name]);
    const shape = shapeOf(writer, tensor);
    outputs.push({ name, type: "f32", shape, description: own ? axesOf(tensor) : (meanings[name] ?? "") });
    if (name !== "logits" || own) continue;
    values.push([writer.add("Softmax", [value], { axis: 1 }), "probabilities"]);
    outputs.push({ name: "probabilities", type: "f32", shape, description: "by class" });
  }
  writer.rename(values);
  return outputs;
}
