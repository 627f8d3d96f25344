/** Batch normalisation in ONNX, and what becomes of it where it is folded into the convolution before it. */
import type { Node, Tensor } from "../graph/tensor.ts";
import { sizeOf } from "../kernels/kernel.ts";
import type { BatchNormSettings, BatchNormStatsSettings } from "./batchnorm.ts";
import { NCHW, onnxForm, type OnnxForm, type OnnxWriter } from "./onnx-form.ts";

export const batchNormForms: readonly OnnxForm[] = [
  // Read by what follows it, which takes the running statistics themselves.
  onnxForm("batchNorm.running", () => {}),
  onnxForm<BatchNormSettings>("batchNorm", (writer, node, { relu }) => {
    const [x, stats, weight, bias, residual] = node.inputs;
    const { mean, variance, eps } = statisticsOf(stats!);
    const inputs = [writer.read(x!, NCHW), ...[weight!, bias!, mean, variance].map((t) => writer.read(t))];
    let value = writer.add("BatchNormalization", inputs, { epsilon: { float: eps } });
    if (residual) value = writer.add("Add", [value, writer.read(residual, NCHW)]);
    writer.write(node.outputs[0]!, relu ? writer.add("Relu", [value]) : value, NCHW);
  }),
  onnxForm("foldBatchNorm", fold),
];

/** The running statistics behind the tensor that a normalisation reads. */
function statisticsOf({ source, label }: Tensor): { mean: Tensor; variance: Tensor; eps: number } {
  if (source.kind !== "node" || source.node.kernel.name !== "batchNorm.running") {
    throw new TypeError(`${label}: statistics of the batch have no ONNX form; export a graph for inference`);
  }
  const [mean, variance] = source.node.inputs as [Tensor, Tensor];
  return { mean, variance, ...(source.node.settings as BatchNormStatsSettings) };
}

/** Weights and bias of the folded convolution, computed here: w gamma / sqrt(var + eps), (b - mean) gamma / sqrt(var + eps) + beta. */
function fold(writer: OnnxWriter, { inputs, outputs }: Node): void {
  const [weight, stats, gamma, beta, own] = inputs;
  const { mean, variance, eps } = statisticsOf(stats!);
  const data = (t: Tensor) => writer.stored(t).data;
  const [g, b, m, v] = [data(gamma!), data(beta!), data(mean), data(variance)];
  const constant = writer.stored(weight!);
  const before = own && data(own);
  const factors = Array.from(g, (factor, c) => factor / Math.sqrt(v[c]! + eps));
  const { order, shape } = constant;
  // The output's channel is the last axis here: the first one of PyTorch's weights, and of those whose other axes are flattened.
  const axis = order.length === shape.length ? order.indexOf(order.length - 1) : 0;
  const row = sizeOf(shape.slice(axis + 1));
  const folded = constant.data.map((value, i) => value * factors[Math.floor(i / row) % factors.length]!);
  const bias = Float32Array.from(factors, (factor, c) => ((before?.[c] ?? 0) - m[c]!) * factor + b[c]!);
  const name = own ? writer.stored(own).name : constant.name.replace(/weight$/, "bias");
  writer.store(outputs[0]!, { ...constant, data: folded });
  writer.store(outputs[1]!, { name, order: [0], shape: [bias.length], data: bias });
}
